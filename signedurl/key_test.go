package signedurl_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/signedurl"
)

func TestParsePublicKey(t *testing.T) {
	for file, algorithm := range map[string]string{
		"rsa2048.pub.pem": "RSA-2048",
		"p256.pub.pem":    "ECDSA-P256",
	} {
		text := readFile(t, file)
		key, err := signedurl.ParsePublicKey(text)
		if err != nil {
			t.Fatalf("ParsePublicKey(%s): %v", file, err)
		}
		if got := key.Algorithm(); got != algorithm {
			t.Errorf("%s: Algorithm() = %s, want %s", file, got, algorithm)
		}
		if got := key.PEM(); !bytes.Equal(got, text) {
			t.Errorf("%s: PEM() = %q, want the text that openssl writes, %q", file, got, text)
		}
	}
}

func TestPublicKeyNormalForm(t *testing.T) {
	want := string(readFile(t, "rsa2048.pub.pem"))
	lines := strings.Split(strings.TrimSpace(want), "\n")
	body := strings.Join(lines[1:len(lines)-1], "")
	for name, text := range map[string]string{
		"CRLF":             strings.ReplaceAll(want, "\n", "\r\n"),
		"no final newline": strings.TrimSpace(want),
		"one long line":    lines[0] + "\n" + body + "\n" + lines[len(lines)-1],
		"76 columns":       lines[0] + "\n" + body[:76] + "\n" + body[76:] + "\n" + lines[len(lines)-1] + "\n",
		"blank lines":      "\n\n" + want + "\n\n",
	} {
		key, err := signedurl.ParsePublicKey([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := string(key.PEM()); got != want {
			t.Errorf("%s: PEM() = %q, want %q", name, got, want)
		}
		if !key.Equal(publicKey(t, "rsa2048.pub.pem")) {
			t.Errorf("%s: not equal to the key in normal form", name)
		}
	}
	if publicKey(t, "rsa2048.pub.pem").Equal(publicKey(t, "rsa2048-other.pub.pem")) {
		t.Error("two keys are equal")
	}
}

func TestParsePublicKeyRefuses(t *testing.T) {
	good := string(readFile(t, "rsa2048.pub.pem"))
	rows := map[string]string{
		"empty":            "",
		"OpenSSH line":     "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ== a@b",
		"PKCS #1":          string(readFile(t, "rsa2048.pkcs1.pub.pem")),
		"certificate":      string(readFile(t, "certificate.pem")),
		"private key":      string(readFile(t, "rsa2048.pem")),
		"RSA 1024":         string(readFile(t, "aws-ruby-rsa1024.pub.pem")),
		"RSA 3072":         string(readFile(t, "rsa3072.pub.pem")),
		"P-384":            string(readFile(t, "p384.pub.pem")),
		"Ed25519":          string(readFile(t, "ed25519.pub.pem")),
		"two keys":         good + good,
		"text before":      "my key\n" + good,
		"text after":       good + "my key\n",
		"PEM header":       strings.Replace(good, "-----\n", "-----\nA: b\n\n", 1),
		"damaged base64":   strings.Replace(good, "MIIB", "MI*B", 1),
		"cut short":        good[:len(good)/2],
		"wrong label only": strings.ReplaceAll(good, "PUBLIC KEY", "RSA PUBLIC KEY"),
	}
	for name, text := range rows {
		if _, err := signedurl.ParsePublicKey([]byte(text)); !errors.Is(err, signedurl.ErrKey) {
			t.Errorf("%s: error = %v, want ErrKey", name, err)
		}
	}
}

func TestParsePrivateKey(t *testing.T) {
	for file, public := range map[string]string{
		"rsa2048.pem":       "rsa2048.pub.pem",
		"rsa2048.pkcs8.pem": "rsa2048.pub.pem",
		"p256.pem":          "p256.pub.pem",
		"p256.pkcs8.pem":    "p256.pub.pem",
	} {
		key, err := signedurl.ParsePrivateKey(readFile(t, file))
		if err != nil {
			t.Errorf("ParsePrivateKey(%s): %v", file, err)
			continue
		}
		got, err := signedurl.NewPublicKey(key.Public())
		if err != nil || !got.Equal(publicKey(t, public)) {
			t.Errorf("%s: its public half is not %s (%v)", file, public, err)
		}
	}
}

func TestParsePrivateKeyRefuses(t *testing.T) {
	for file, word := range map[string]string{
		"rsa2048.encrypted.pem": "encrypted",
		"rsa2048.dek.pem":       "encrypted",
		"p384.pem":              "P-256",
		"rsa2048.pub.pem":       "no private half",
		"certificate.pem":       "no private half",
		"README":                "no PEM block",
	} {
		_, err := signedurl.ParsePrivateKey(readFile(t, file))
		if !errors.Is(err, signedurl.ErrKey) || !strings.Contains(err.Error(), word) {
			t.Errorf("ParsePrivateKey(%s) = %v, want ErrKey that says %q", file, err, word)
		}
	}
}

// TestPrivateKeyErrorsHoldNoKey damages a key and wants none of it in the error.
func TestPrivateKeyErrorsHoldNoKey(t *testing.T) {
	text := readFile(t, "rsa2048.pkcs8.pem")
	text = bytes.Replace(text, []byte("MIIE"), []byte("MIIF"), 1)
	_, err := signedurl.ParsePrivateKey(text)
	if err == nil {
		t.Fatal("a damaged key was read")
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); len(line) > 16 && !strings.HasPrefix(line, "---") && strings.Contains(err.Error(), line[:16]) {
			t.Errorf("error %q quotes the key", err)
		}
	}
}
