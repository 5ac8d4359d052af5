package keyvalue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MaxImportBytes bounds a file of pairs.
const MaxImportBytes = 5 << 20

// ErrImportSize is about a file that is larger.
var ErrImportSize = errors.New("keyvalue: import too large")

// ReadImport reads a file of pairs:
//
//	{"data":[{"key":"k","value":"v"},...]}
//
// Beside ErrImportSize and what r returns it returns ErrInvalid about a file of
// another form, a pair beyond its limits, or a key that stands there twice.
//
// Source: CloudFront Developer Guide, "File format for key-value pairs".
func ReadImport(r io.Reader) ([]Pair, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxImportBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > MaxImportBytes {
		return nil, ErrImportSize
	}
	if !utf8.Valid(text) {
		return nil, refuse(ErrInvalid, "The file is not UTF-8.")
	}
	var file struct {
		Data []struct{ Key, Value *string } `json:"data"`
	}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, refuse(ErrInvalid, `The file is not {"data":[{"key":"...","value":"..."},...]}: %s.`, describe(err))
	}
	if _, err := d.Token(); err != io.EOF || file.Data == nil {
		return nil, refuse(ErrInvalid, `The file is not one object with the member "data".`)
	}
	pairs := make([]Pair, len(file.Data))
	seen := make(map[string]bool, len(file.Data))
	for i, of := range file.Data {
		if of.Key == nil || of.Value == nil {
			return nil, refuse(ErrInvalid, "Pair %d of the file lacks its key or its value.", i+1)
		}
		pairs[i] = Pair{*of.Key, *of.Value}
		if err := pairs[i].check(); err != nil {
			return nil, refuse(ErrInvalid, "Pair %d of the file: %s", i+1, err)
		}
		if seen[pairs[i].Key] {
			return nil, refuse(ErrInvalid, "Pair %d of the file has the key of another.", i+1)
		}
		seen[pairs[i].Key] = true
	}
	return pairs, nil
}

// describe says where a text stops being what it should, and nothing of what
// stands there.
func describe(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Sprintf("at byte %d", kind.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return "it has other members"
}
