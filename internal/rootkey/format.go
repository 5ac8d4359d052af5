package rootkey

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// The text of a root key file, as docs/spec/rootkey.md describes it:
//
//	keyfront root key 1
//	# any comment
//	key <id, 32 hexadecimal digits> <key, 44 characters of base64>
const (
	versionLine  = "keyfront root key 1"
	maxFileBytes = 4096

	explanation = `# Whoever has this key can read everything that this server keeps, and without
# it nothing can be read. Keep a copy in a safe place, away from the data.
`
)

// format returns the text that parse reads.
func format(keys []sealed.Secret) ([]byte, error) {
	if len(keys) < 1 || len(keys) > MaxKeys {
		return nil, fmt.Errorf("rootkey: %d keys, want 1 to %d", len(keys), MaxKeys)
	}
	// Enough room from the start: growing would leave copies of keys behind.
	text := make([]byte, 0, maxFileBytes)
	text = append(text, versionLine+"\n"+explanation...)
	for _, key := range keys {
		id, err := sealed.IDOfRoot(key)
		if err != nil {
			return nil, err
		}
		text = append(text, "key "+string(id)+" "...)
		text = base64.StdEncoding.AppendEncode(text, key.Reveal())
		text = append(text, '\n')
	}
	return text, nil
}

// parse reads the text of a root key file. Its errors name the line, and nothing
// that stands there.
func parse(text []byte) (keys []sealed.Secret, err error) {
	err = readLines(text, versionLine, wrappedVersionLine, "it is kept under a passphrase, and none is given", func(line []byte) string {
		key, problem := parseKey(line)
		if problem == "" && len(keys) == MaxKeys {
			problem = "more keys than two"
		}
		keys = append(keys, key)
		return problem
	})
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: it has no key line", ErrMalformed)
	}
	return keys, nil
}

// readLines calls add with every line of a root key file behind the first that is
// neither empty nor a comment; add says what is wrong with it, if something is. The
// first line has to be version; about a file of the other one the error is wrong.
func readLines(text []byte, version, other, wrong string, add func(line []byte) (problem string)) error {
	if len(text) > maxFileBytes {
		return fmt.Errorf("%w: more than %d bytes", ErrMalformed, maxFileBytes)
	}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		switch {
		case number == 1 && string(line) == version:
		case number == 1 && string(line) == other:
			return fmt.Errorf("%w: %s", ErrMalformed, wrong)
		case number == 1:
			return fmt.Errorf("%w: the first line is not %q", ErrMalformed, version)
		case len(line) == 0 || line[0] == '#':
		default:
			if problem := add(line); problem != "" {
				return fmt.Errorf("%w: line %d: %s", ErrMalformed, number, problem)
			}
		}
	}
	return nil
}

func parseKey(line []byte) (key sealed.Secret, problem string) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || string(fields[0]) != "key" {
		return key, "want \"key\", an id and a key"
	}
	raw := make([]byte, 0, base64.StdEncoding.DecodedLen(len(fields[2])))
	raw, err := base64.StdEncoding.Strict().AppendDecode(raw, fields[2])
	if err != nil || len(raw) != sealed.KeyBytes {
		return key, "the key is not 32 bytes in base64"
	}
	key = sealed.NewSecret(raw)
	clear(raw)
	id, err := sealed.IDOfRoot(key)
	if err != nil || !strings.EqualFold(string(id), string(fields[1])) {
		return sealed.Secret{}, "id and key do not belong together; one of them is mistyped"
	}
	return key, ""
}
