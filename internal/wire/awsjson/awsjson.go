// Package awsjson is the body format of the AWS JSON 1.0 and 1.1 protocols: it
// decodes requests into, and encodes answers from, plain Go structs in the shape
// of the AWS SDK's service types.
//
// A [Shape] is compiled once for a struct type and then works without looking at
// types again. Members are named as their Go fields, or as a `json:"name"` tag
// says. What a field may be: string and types of it (enums), bool, integers,
// floats, []byte (standard base64), time.Time (epoch seconds), slices, maps with
// string keys, structs, and pointers to any of them. Unexported and embedded
// fields, and the SDK's ResultMetadata, are no members.
//
// [Rules] state what a request's members have to satisfy, and make the text of
// the service's validation errors.
//
// Source: Smithy 2.0, "AWS JSON 1.1 protocol"; AWS KMS API Reference.
package awsjson

import (
	"reflect"
	"strconv"
	"strings"
)

// ContentType is the media type of AWS JSON 1.1 bodies.
const ContentType = "application/x-amz-json-1.1"

const (
	// MaxBytes bounds a body. The largest requests of the services that we know
	// carry a policy of 32 KiB.
	MaxBytes = 1 << 20

	// MaxDepth bounds how deep values may nest, members that we ignore included.
	MaxDepth = 32
)

// Operation is the operation that an X-Amz-Target header names: what follows its
// last dot. Clients of one service differ in what they write before it.
func Operation(target string) (prefix, operation string, ok bool) {
	at := strings.LastIndexByte(target, '.')
	if at <= 0 || at == len(target)-1 {
		return "", "", false
	}
	return target[:at], target[at+1:], true
}

// ErrorBody is the body of an error answer.
type ErrorBody struct {
	Type    string // the error's shape name
	Message string // left out when empty

	// CapitalMessage spells the member "Message", as AccessDeniedException has it.
	CapitalMessage bool
}

// Append appends {"__type":…,"message":…}.
func (e ErrorBody) Append(dst []byte) []byte {
	dst = append(dst, `{"__type":`...)
	dst = appendString(dst, e.Type)
	if e.Message != "" {
		if e.CapitalMessage {
			dst = append(dst, `,"Message":`...)
		} else {
			dst = append(dst, `,"message":`...)
		}
		dst = appendString(dst, e.Message)
	}
	return append(dst, '}')
}

// Shape decodes and encodes one struct type. It is safe for concurrent use.
type Shape[T any] struct {
	fields *structCodec
}

// Of compiles the shape of T. It panics when T is not a struct or holds a type
// that the protocol cannot carry: T is fixed when the program is written.
func Of[T any]() Shape[T] {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		panic("awsjson: " + t.String() + " is not a struct")
	}
	c := compiler{}
	return Shape[T]{fields: c.structOf(t)}
}

// Decode reads a body. A body without any byte is an empty object.
//
// Names are case-sensitive; a member given twice is an error, also as a key of a
// map; members that T lacks are checked for their syntax and ignored; null is as
// good as absent, except as an element; an empty text is not, for an enum, which no
// other field could tell from an absent one. The error is a *DecodeError.
func (s Shape[T]) Decode(body []byte) (*T, error) {
	into := new(T)
	if len(body) == 0 {
		return into, nil
	}
	if len(body) > MaxBytes {
		return nil, &DecodeError{Problem: TooLarge, Offset: MaxBytes}
	}
	d := decoder{data: body}
	d.space()
	if err := s.fields.decode(&d, reflect.ValueOf(into).Elem()); err != nil {
		return nil, err
	}
	if d.space(); d.pos < len(d.data) {
		return nil, d.syntax()
	}
	return into, nil
}

// Append encodes v after dst: nil pointers, slices and maps and empty strings are
// left out, every other member is written, times as epoch seconds with their
// milliseconds, map keys in ascending order.
func (s Shape[T]) Append(dst []byte, v *T) []byte {
	return s.fields.append(dst, reflect.ValueOf(v).Elem())
}

// Problem is what is wrong with a body.
type Problem uint8

const (
	Syntax    Problem = iota // not JSON, or not UTF-8
	Type                     // a value of another type than the member's
	Range                    // a number that the member's type cannot hold
	Base64                   // a blob that is not standard base64
	Duplicate                // a member or key that was there before
	TooDeep                  // more than MaxDepth values in each other
	TooLarge                 // more than MaxBytes
	Empty                    // an empty text for an enum
)

// DecodeError says why a body cannot be read. Services answer it with their
// SerializationException. It never holds a value.
type DecodeError struct {
	Problem Problem
	Path    string // the member, as in Tags.0.TagKey; "" for the body itself
	Offset  int    // where in the body, in bytes
	Got     string // for Type: the token found, as in NUMBER_VALUE
	Want    string // for Type: the type wanted, as in String
}

// Message is the text for the caller.
func (e *DecodeError) Message() string {
	switch e.Problem {
	case Type:
		switch e.Got {
		case "START_OBJECT":
			return "Start of structure or map found where not expected."
		case "START_ARRAY":
			return "Start of list found where not expected"
		}
		return e.Got + " cannot be converted to " + e.Want
	case Range:
		return "NUMBER_VALUE cannot be converted to " + e.Want
	case Base64:
		return "Invalid Base64 in " + e.Path
	case Duplicate:
		return "Duplicate member " + e.Path
	case TooDeep:
		return "The request is nested too deeply"
	case TooLarge:
		return "The request is too large"
	case Empty:
		return "1 validation error detected: Value '' at '" + modelPath(e.Path) + "' failed to satisfy constraint: Member must satisfy enum value set"
	default:
		return "The request is not valid JSON"
	}
}

// modelPath is a path as violations of constraints name it: tags.1.member.tagKey
// for Tags.0.TagKey.
func modelPath(path string) string {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		if n, err := strconv.Atoi(part); err == nil {
			parts[i] = strconv.Itoa(n+1) + ".member"
		} else if part != "" {
			parts[i] = strings.ToLower(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, ".")
}

func (e *DecodeError) Error() string {
	s := "awsjson: " + e.Message() + " at byte " + strconv.Itoa(e.Offset)
	if e.Path != "" {
		s += " (" + strconv.Quote(e.Path) + ")"
	}
	return s
}

// in puts the name of what encloses the failing value before its path.
func (e *DecodeError) in(name string) *DecodeError {
	const maxPath = 200
	switch {
	case len(e.Path) > maxPath:
	case e.Path == "":
		e.Path = name
	default:
		e.Path = name + "." + e.Path
	}
	return e
}
