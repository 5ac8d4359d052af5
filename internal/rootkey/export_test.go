package rootkey

import "github.com/keyfront-project/keyfront/internal/sealed"

// Parse reads the text of a root key file.
var Parse = parse

// ParseWrapped reads the text of a root key file with a passphrase, and opens
// it with one.
func ParseWrapped(text []byte, phrase sealed.Secret) ([]sealed.Secret, error) {
	f, err := parseWrapped(text)
	if err != nil {
		return nil, err
	}
	return f.open(phrase)
}

// CheckWrapped reads the text without a passphrase.
func CheckWrapped(text []byte) error {
	_, err := parseWrapped(text)
	return err
}
