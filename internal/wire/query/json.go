package query

import (
	"encoding/json"
	"fmt"
)

// JSONContentType is the media type of answers in JSON.
const JSONContentType = "application/json"

// AppendJSON is Append for those who accept JSON: members have the same names,
// as the tags of encoding/json say, and times are in seconds since 1970.
//
//	{"ActionResponse":{"ActionResult":{…},"ResponseMetadata":{"RequestId":"…"}}}
//
// Source: AWS STS API Reference, "Making query requests"; observed of the service.
func (a Answer) AppendJSON(dst []byte, result any) ([]byte, error) {
	body := map[string]any{"ResponseMetadata": metadata{a.RequestID}}
	if result != nil {
		body[a.Action+"Result"] = result
	}
	text, err := json.Marshal(map[string]any{a.Action + "Response": body})
	if err != nil {
		return nil, fmt.Errorf("query: encode the result of %s: %w", a.Action, err)
	}
	return append(dst, text...), nil
}

type metadata struct {
	RequestID string `json:"RequestId"`
}

// AppendJSON appends the document in JSON.
//
//	{"Error":{"Code":"…","Message":"…","Type":"Sender"},"RequestId":"…"}
func (e ErrorAnswer) AppendJSON(dst []byte) []byte {
	type inner struct{ Code, Message, Type string }
	text, err := json.Marshal(struct {
		Error     inner
		RequestID string `json:"RequestId"`
	}{inner{e.Code, e.Message, e.Type}, e.RequestID})
	if err != nil {
		panic("query: " + err.Error()) // strings always encode
	}
	return append(dst, text...)
}

// MarshalJSON makes an array, also of no members.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l.Members == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(l.Members)
}

// MarshalJSON makes seconds since 1970.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.Unix()) }
