package rootkey

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/crypto/argon2"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// Passphrase is a Source: a file like that of File, in which the keys are
// wrapped under a passphrase. Whoever has the file alone must guess it, at the
// price of Argon2id for each guess.
type Passphrase struct {
	Path string
	// Passphrase asks for the passphrase, once for each call of a method. The
	// Secret is the asker's, who may wipe it when the method has returned.
	Passphrase func(context.Context) (sealed.Secret, error)
}

var _ Source = Passphrase{}

// MinPassphraseBytes is the length of the shortest passphrase that Create takes.
const MinPassphraseBytes = 12

// Load reads the file. Its errors are those of File.Load, and ErrPassphrase.
func (p Passphrase) Load(ctx context.Context) ([]sealed.Secret, error) {
	text, err := readPrivate(p.Path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p.Path, err)
	}
	file, err := parseWrapped(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p.Path, err)
	}
	phrase, err := p.ask(ctx, 1)
	if err != nil {
		return nil, err
	}
	keys, err := file.open(phrase)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", p.Path, err)
	}
	return keys, nil
}

// Create makes a random key and writes the file with mode 0600. It returns
// ErrWeak about a passphrase of less than MinPassphraseBytes.
func (p Passphrase) Create(ctx context.Context) (sealed.Secret, error) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	text, err := p.seal(ctx, MinPassphraseBytes, key)
	if err != nil {
		return sealed.Secret{}, err
	}
	if err := createPrivate(p.Path, text); err != nil {
		return sealed.Secret{}, fmt.Errorf("create %s: %w", p.Path, err)
	}
	return key, nil
}

// Replace writes the file anew, under the passphrase that is asked for.
func (p Passphrase) Replace(ctx context.Context, keys ...sealed.Secret) error {
	text, err := p.seal(ctx, 1, keys...)
	if err != nil {
		return err
	}
	if err := writePrivate(p.Path, text, os.Rename); err != nil {
		return fmt.Errorf("replace %s: %w", p.Path, err)
	}
	return nil
}

func (p Passphrase) ask(ctx context.Context, minBytes int) (sealed.Secret, error) {
	phrase, err := p.Passphrase(ctx)
	if err != nil {
		return phrase, fmt.Errorf("ask for the passphrase: %w", err)
	}
	if phrase.Len() < minBytes {
		return phrase, fmt.Errorf("%w: %d bytes, want at least %d", ErrWeak, phrase.Len(), minBytes)
	}
	return phrase, nil
}

func (p Passphrase) seal(ctx context.Context, minBytes int, keys ...sealed.Secret) ([]byte, error) {
	phrase, err := p.ask(ctx, minBytes)
	if err != nil {
		return nil, err
	}
	return formatWrapped(phrase, usualCost, sealed.RandomSecret(saltBytes).Reveal(), keys)
}

// The text of a root key file with a passphrase, as docs/spec/rootkey.md
// describes it:
//
//	keyfront wrapped root key 1
//	argon2id <passes> <memory, KiB> <lanes> <salt, base64>
//	key <id, 32 hexadecimal digits> <wrapped key, base64>
const (
	wrappedVersionLine = "keyfront wrapped root key 1"
	wrappedExplanation = `# Whoever has this file and the passphrase can read everything that this server
# keeps, and without either nothing can be read. Keep copies of both, apart.
`
	saltBytes    = 16
	wrappedBytes = 12 + sealed.KeyBytes + 16 // nonce, key, tag
)

// cost is what a guess costs: the parameters of Argon2id, RFC 9106 section 3.1.
type cost struct {
	passes, memoryKiB uint32
	lanes             uint8
}

// usualCost is the second recommendation of RFC 9106, section 4.
var usualCost = cost{passes: 3, memoryKiB: 64 << 10, lanes: 4}

// bearable bounds what a file may ask for: whoever can change it must not make
// the start take forever.
func (c cost) bearable() bool {
	return 1 <= c.passes && c.passes <= 64 && 1 <= c.lanes && c.lanes <= 64 &&
		8*uint32(c.lanes) <= c.memoryKiB && c.memoryKiB <= 4<<20
}

// wrappedFile is what the text says.
type wrappedFile struct {
	cost
	salt []byte
	line string // the one of argon2id, as it stands there
	keys []wrappedKey
}

type wrappedKey struct {
	id      string
	wrapped []byte
}

func costLine(c cost, salt []byte) string {
	return fmt.Sprintf("argon2id %d %d %d %s", c.passes, c.memoryKiB, c.lanes, base64.StdEncoding.EncodeToString(salt))
}

// wrapping is AES-256-GCM under the key that the passphrase makes.
func wrapping(phrase sealed.Secret, c cost, salt []byte) (cipher.AEAD, error) {
	key := argon2.IDKey(phrase.Reveal(), salt, c.passes, c.memoryKiB, c.lanes, sealed.KeyBytes)
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// associated binds a wrapped key to all that the file says about it.
func associated(line, id string) []byte {
	return []byte(wrappedVersionLine + "\n" + line + "\nkey " + id + "\n")
}

func formatWrapped(phrase sealed.Secret, c cost, salt []byte, keys []sealed.Secret) ([]byte, error) {
	if len(keys) < 1 || len(keys) > MaxKeys {
		return nil, fmt.Errorf("rootkey: %d keys, want 1 to %d", len(keys), MaxKeys)
	}
	aead, err := wrapping(phrase, c, salt)
	if err != nil {
		return nil, err
	}
	line := costLine(c, salt)
	text := []byte(wrappedVersionLine + "\n" + wrappedExplanation + line + "\n")
	for _, key := range keys {
		id, err := sealed.IDOfRoot(key)
		if err != nil {
			return nil, err
		}
		wrapped := aead.Seal(nil, nil, key.Reveal(), associated(line, string(id)))
		text = fmt.Appendf(text, "key %s %s\n", id, base64.StdEncoding.EncodeToString(wrapped))
	}
	return text, nil
}

// parseWrapped reads the text, as far as that goes without the passphrase.
func parseWrapped(text []byte) (f wrappedFile, err error) {
	if err := readLines(text, wrappedVersionLine, versionLine, "it is not kept under a passphrase, but one is given", f.add); err != nil {
		return f, err
	}
	if len(f.keys) == 0 {
		return f, fmt.Errorf("%w: it has no key line", ErrMalformed)
	}
	return f, nil
}

func (f *wrappedFile) add(line []byte) (problem string) {
	fields := bytes.Fields(line)
	switch {
	case len(fields) == 5 && string(fields[0]) == "argon2id" && f.line == "":
		var numbers [3]uint32
		for i := range numbers {
			n, err := strconv.ParseUint(string(fields[i+1]), 10, 32)
			if err != nil {
				return "want numbers after argon2id"
			}
			numbers[i] = uint32(n)
		}
		salt, err := base64.StdEncoding.Strict().DecodeString(string(fields[4]))
		if err != nil || len(salt) != saltBytes {
			return "the salt is not 16 bytes in base64"
		}
		if numbers[2] > 64 {
			return "more than can be borne"
		}
		f.cost, f.salt = cost{numbers[0], numbers[1], uint8(numbers[2])}, salt
		if !f.bearable() {
			return "more than can be borne"
		}
		f.line = costLine(f.cost, salt)
	case len(fields) == 3 && string(fields[0]) == "key" && f.line != "" && len(f.keys) < MaxKeys:
		wrapped, err := base64.StdEncoding.Strict().DecodeString(string(fields[2]))
		if err != nil || len(wrapped) != wrappedBytes {
			return fmt.Sprintf("the wrapped key is not %d bytes in base64", wrappedBytes)
		}
		f.keys = append(f.keys, wrappedKey{string(bytes.ToLower(fields[1])), wrapped})
	default:
		return "want one argon2id line, and then one or two key lines"
	}
	return ""
}

func (f *wrappedFile) open(phrase sealed.Secret) ([]sealed.Secret, error) {
	aead, err := wrapping(phrase, f.cost, f.salt)
	if err != nil {
		return nil, err
	}
	var keys []sealed.Secret
	for _, k := range f.keys {
		raw, err := aead.Open(nil, nil, k.wrapped, associated(f.line, k.id))
		if err != nil {
			return nil, ErrPassphrase
		}
		key := sealed.NewSecret(raw)
		clear(raw)
		id, err := sealed.IDOfRoot(key)
		if err != nil || string(id) != k.id {
			return nil, errors.Join(ErrMalformed, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
