package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// A name is part of the path and nothing else; and what was signed for one place
// goes to no other.
func TestRequestsGoWhereTheyAreMeantTo(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the other server got %s", r.URL) }))
	defer other.Close()
	var asked string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.RequestURI()
		if strings.HasSuffix(r.URL.Path, "/moved") {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer srv.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_SESSION_TOKEN", "token")
	t.Setenv("AWS_ENDPOINT_URL", srv.URL)
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"delete", "a?release=true"}, exitDone, "DELETE /_keyfront/signer/a%3Frelease=true"},
		{[]string{"delete", "a", "--release"}, exitDone, "DELETE /_keyfront/signer/a?release=true"},
		{[]string{"show", "../accounts"}, exitDone, "GET /_keyfront/signer/..%2Faccounts"},
		{[]string{"rotate", "a#b"}, exitDone, "POST /_keyfront/signer/a%23b/rotate"},
		{[]string{"show", "moved"}, exitFailed, "GET /_keyfront/signer/moved"},
	} {
		code, _, stderr := keyfront(t.Context(), append([]string{"signer"}, tt.args...)...)
		if code != tt.code || asked != tt.want {
			t.Errorf("signer %q = %d, asked %s; want %d, %s: %s", tt.args, code, asked, tt.code, tt.want, stderr)
		}
	}
}

// Of two commands that write the same file, the second one fails and the first
// one's bytes stay; with --force the later one wins.
func TestTwoOutputsAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, replace := range []bool{false, true} {
		name := fmt.Sprintf("out-%v", replace)
		first, err1 := newOutput(name, 0o600, replace)
		second, err2 := newOutput(name, 0o600, replace)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		_, err1 = first.WriteString("first")
		_, err2 = second.WriteString("second")
		err1, err2 = first.finish(err1), second.finish(err2)
		text, err := os.ReadFile(name)
		if err != nil || err1 != nil {
			t.Fatal(err, err1)
		}
		want := "first"
		if replace {
			want = "second"
		}
		if string(text) != want || (err2 == nil) != replace {
			t.Errorf("replace %v: the file has %q, the second command's error is %v", replace, text, err2)
		}
	}
	if left := names(t); strings.Contains(left, ".part") {
		t.Errorf("left behind: %s", left)
	}
}

func TestKeypairInNoFolder(t *testing.T) {
	inFolder(t)
	code, _, stderr := keyfront(t.Context(), "keypair", "create", "--kms-key", "alias/a", "film/pair")
	if code != exitFailed || !strings.Contains(stderr, "not a directory") {
		t.Errorf("keypair create below a file = %d %s", code, stderr)
	}
}
