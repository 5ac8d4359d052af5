package signedurl

import (
	"encoding/base64"
	"strings"
)

// CloudFront's alphabet is standard base64 with three characters exchanged, so
// that values survive in a query. It is not the base64url of RFC 4648: here '_'
// is padding and '~' is the slash.
//
//	standard  +  =  /
//	sent      -  _  ~
//
// Source: CloudFront Developer Guide, "Create a signature for a signed URL that
// uses a custom policy".
var wire = base64.NewEncoding(plainAlphabet + "-~").WithPadding('_').Strict()

const plainAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// fromWire maps the characters of both alphabets to standard base64 and all other
// bytes to zero.
var fromWire = func() (table [256]byte) {
	for _, c := range []byte(plainAlphabet + "+/=") {
		table[c] = c
	}
	table['-'], table['~'], table['_'] = '+', '/', '='
	return table
}()

// appendCoded appends src in CloudFront's alphabet.
func appendCoded(dst, src []byte) []byte { return wire.AppendEncode(dst, src) }

// respelled reports whether a coded value uses a character that has another
// spelling. One value has countless such spellings.
func respelled(coded string) bool {
	return strings.IndexByte(coded, '%') >= 0 || strings.IndexByte(coded, '+') >= 0 ||
		strings.IndexByte(coded, '/') >= 0 || strings.IndexByte(coded, '=') >= 0
}

// badCode says where a coded value stopped making sense, and what its sender
// probably did.
type badCode struct {
	offset int
	hint   Hint
	text   string
}

// decodeCoded reverses appendCoded. Percent escapes are undone once before,
// because some clients escape '~' on their way. Standard base64 characters
// are taken for what they are, '+' never for a space. Padding must be right,
// trailing bits zero, and line breaks are refused.
//
// A nil *badCode means success.
func decodeCoded(value string) ([]byte, *badCode) {
	// The decoder would skip line breaks.
	if !respelled(value) && strings.IndexByte(value, '\n') < 0 && strings.IndexByte(value, '\r') < 0 {
		if raw, err := wire.DecodeString(value); err == nil {
			return raw, nil
		}
	}
	return decodeRespelled(value)
}

// decodeRespelled does the same byte by byte, for values that are spelled in
// another way or not at all, and finds the place where they go wrong.
func decodeRespelled(value string) ([]byte, *badCode) {
	buf := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '%' {
			if i+2 >= len(value) || unhex[value[i+1]] < 0 || unhex[value[i+2]] < 0 {
				return nil, &badCode{offset: i, text: "'%' without two hexadecimal digits"}
			}
			c = byte(unhex[value[i+1]]<<4 | unhex[value[i+2]])
			i += 2
			if c == '%' {
				return nil, &badCode{offset: i - 2, hint: HintEncodedTwice, text: "percent-encoded twice"}
			}
		}
		std := fromWire[c]
		if std == 0 {
			return nil, &badCode{offset: i, text: "a character outside CloudFront's base64 alphabet"}
		}
		buf = append(buf, std)
	}
	n, err := base64.StdEncoding.Strict().Decode(buf, buf)
	if err == nil {
		return buf[:n], nil
	}
	bad := &badCode{offset: len(value), text: "the base64 is cut short, wrongly padded or has bits left over"}
	if at, ok := err.(base64.CorruptInputError); ok {
		bad.offset = min(int(at), len(value))
	}
	if looksBase64URL(value) {
		bad.hint = HintBase64URL
		bad.text = "looks like base64url (RFC 4648), where '_' is a slash; in CloudFront's alphabet '_' is padding and '~' the slash"
	}
	return nil, bad
}

// looksBase64URL reports whether value decodes as base64url, with or without its padding.
func looksBase64URL(value string) bool {
	for len(value) > 0 && value[len(value)-1] == '=' {
		value = value[:len(value)-1]
	}
	_, err := base64.RawURLEncoding.DecodeString(value)
	return err == nil
}

// unhex holds the value of each hexadecimal digit and -1 for other bytes.
var unhex = func() (table [256]int8) {
	for i := range table {
		switch {
		case '0' <= i && i <= '9':
			table[i] = int8(i - '0')
		case 'a' <= i && i <= 'f':
			table[i] = int8(i - 'a' + 10)
		case 'A' <= i && i <= 'F':
			table[i] = int8(i - 'A' + 10)
		default:
			table[i] = -1
		}
	}
	return table
}()
