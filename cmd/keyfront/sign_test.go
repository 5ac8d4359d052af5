package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestMoments(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"90m":                       now.Add(90 * time.Minute),
		"7d":                        now.AddDate(0, 0, 7),
		"2027-01-31":                time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
		"2027-01-31T18:00:00":       time.Date(2027, 1, 31, 18, 0, 0, 0, time.UTC),
		"2027-01-31T18:00:00+02:00": time.Date(2027, 1, 31, 16, 0, 0, 0, time.UTC),
		"1767290400":                time.Unix(1767290400, 0).UTC(),
	} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err != nil || !m.in(now).Equal(want) {
			t.Errorf("moment %q = %v, %v, want %v", text, m.in(now), err, want)
		}
	}
	for _, text := range []string{"", "soon", "d", "-1d", "99999999d", "2027-13-01", "1h2"} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("moment %q = %v, want an error", text, m.in(now))
		}
	}
}

// A validity that is counted from a wrong clock is refused, one that is given is not.
func TestSignKnowsAWrongClock(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	ahead := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(150*time.Minute+30*time.Second).UTC().Format(http.TimeFormat))
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetPublicKey") {
			_ = json.NewEncoder(w).Encode(map[string]any{"KeyId": "arn:k", "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY", "PublicKey": der})
			return
		}
		var in struct{ Message []byte }
		_ = json.NewDecoder(r.Body).Decode(&in)
		sig, err := private.Sign(rand.Reader, in.Message, nil)
		if err != nil {
			t.Error(err)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Signature": sig})
	}))
	defer ahead.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	sign := func(args ...string) (int, string) {
		var out, words bytes.Buffer
		e := env{stdin: strings.NewReader(""), stdout: &out, stderr: &words, getenv: func(string) string { return "" }}
		code := run(t.Context(), e, append([]string{"sign", "url", "--endpoint", ahead.URL, "--kms-key", "k", "--key-pair-id", "K1", "https://example.com/a"}, args...))
		if code != exitDone && out.Len() > 0 {
			t.Errorf("sign %v failed and printed %q", args, &out)
		}
		return code, words.String()
	}
	if code, words := sign(); code != exitFailed || !strings.Contains(words, "clock differs from the key service's by 2h30m") {
		t.Errorf("sign = %d: %s", code, words)
	}
	if code, words := sign("--expires", "2037-01-01"); code != exitDone {
		t.Errorf("sign --expires 2037-01-01 = %d: %s", code, words)
	}
}
