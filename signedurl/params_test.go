package signedurl_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/signedurl"
)

func TestStripQuery(t *testing.T) {
	rows := []struct{ raw, want string }{
		{"", ""},
		{"a=b", "a=b"},
		{"a=b&c", "a=b&c"},
		{"Expires=1&Signature=s&Key-Pair-Id=k", ""},
		{"Expires=1&Signature=s&Key-Pair-Id=k&a=b&&c", "a=b&&c"},
		{"a=b&&c&Policy=1&Signature=s&Key-Pair-Id=k&Hash-Algorithm=SHA256", "a=b&&c"},
		{"Policy=1&a=b&Signature=s&c=d&Key-Pair-Id=k", "a=b&c=d"},
		{"a=1&Policy=1&b=2&Signature=s&c=3", "a=1&b=2&c=3"},
		{"&Expires=1", ""},
		{"&&Expires=1", "&"},
		{"Expires=1&", ""},
		{"Expires=1&&Expires=2&a", "&a"},
		{"Policy", ""},
		{"a=Policy", "a=Policy"},
		{"policy=1&EXPIRES=1&key-pair-id=1", "policy=1&EXPIRES=1&key-pair-id=1"},
		{"Polic%79=1", "Polic%79=1"},
		{"XPolicy=1&PolicyX=1& Policy=1", "XPolicy=1&PolicyX=1& Policy=1"},
		{"a=%26Policy=1", "a=%26Policy=1"},
		{"a;Policy=1", "a;Policy=1"},
	}
	for _, row := range rows {
		if got := signedurl.StripQuery(row.raw); got != row.want {
			t.Errorf("StripQuery(%q) = %q, want %q", row.raw, got, row.want)
		}
	}
}

func TestStripCookies(t *testing.T) {
	rows := []struct{ header, want string }{
		{"", ""},
		{"a=b; c=d", "a=b; c=d"},
		{"a=b;c=d ", "a=b;c=d "},
		{"CloudFront-Policy=1; CloudFront-Signature=2; CloudFront-Key-Pair-Id=3", ""},
		{"a=b; CloudFront-Policy=1; c=d", "a=b; c=d"},
		{"CloudFront-Expires=1;a=b;;\tCloudFront-Hash-Algorithm=SHA256 ; c=d", "a=b; c=d"},
		{"cloudfront-policy=1", "cloudfront-policy=1"},
		{"CloudFront-Other=1; Policy=2", "CloudFront-Other=1; Policy=2"},
		{"CloudFront-Policy; a", "a"},
		{"CloudFront-Policy =1; a=b", "a=b"},
	}
	for _, row := range rows {
		if got := signedurl.StripCookies(row.header); got != row.want {
			t.Errorf("StripCookies(%q) = %q, want %q", row.header, got, row.want)
		}
	}
}

func TestStripAllocations(t *testing.T) {
	for name, f := range map[string]func(){
		"query without reserved parameters": func() { signedurl.StripQuery("a=b&c=d") },
		"signed query":                      func() { signedurl.StripQuery("a=b&Policy=1&Signature=s&Key-Pair-Id=k") },
		"cookies without signature":         func() { signedurl.StripCookies("a=b; session=0123456789abcdef") },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
}

func FuzzStripQuery(f *testing.F) {
	f.Add("a=b&Policy=1&&c")
	f.Add("Expires&Signature=&x")
	f.Fuzz(func(t *testing.T, raw string) {
		var want []string
		for segment := range strings.SplitSeq(raw, "&") {
			switch name, _, _ := strings.Cut(segment, "="); name {
			case "Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm":
			default:
				want = append(want, segment)
			}
		}
		if got := signedurl.StripQuery(raw); got != strings.Join(want, "&") {
			t.Fatalf("StripQuery(%q) = %q, want %q", raw, got, strings.Join(want, "&"))
		}
	})
}

func FuzzStripCookies(f *testing.F) {
	f.Add("a=b; CloudFront-Policy=1;c")
	f.Fuzz(func(t *testing.T, header string) {
		got := signedurl.StripCookies(header)
		if again := signedurl.StripCookies(got); again != got {
			t.Fatalf("StripCookies(%q) = %q, and once more %q", header, got, again)
		}
		r := signedurl.Request{Scheme: "https", Host: "h", Path: "/", Cookies: []string{got}}
		if res := signedurl.Verify(&r, signedurl.KeySet{}, now, nil); res.Reason.Cause != signedurl.CauseUnsigned {
			t.Fatalf("StripCookies(%q) = %q still has signing cookies: %v", header, got, res.Reason)
		}
	})
}

func TestAlphabet(t *testing.T) {
	// Every 6-bit value, so every character, and each length of padding.
	all := make([]byte, 0, 50)
	for i := range 48 {
		all = append(all, byte(i*85+i), byte(i*7))
	}
	for n := range len(all) {
		want := strings.NewReplacer("+", "-", "=", "_", "/", "~").Replace(base64.StdEncoding.EncodeToString(all[:n]))
		got := string(signedurl.AppendCoded(nil, all[:n]))
		if got != want {
			t.Errorf("AppendCoded(%x) = %s, want %s", all[:n], got, want)
		}
		back, ok := signedurl.DecodeCoded(got)
		if !ok || !bytes.Equal(back, all[:n]) {
			t.Errorf("DecodeCoded(%s) = %x, %v, want %x", got, back, ok, all[:n])
		}
	}
}

func TestDecodeCoded(t *testing.T) {
	rows := []struct {
		value, want string
		ok          bool
	}{
		{"-~-~", "\xfb\xff\xbf", true},
		{"+/+/", "\xfb\xff\xbf", true},
		{"%2D%7E%2d%7e", "\xfb\xff\xbf", true},
		{"YQ__", "a", true},
		{"YQ==", "a", true},
		{"YQ%5F%5F", "a", true},
		{"YQ", "", false},
		{"YQ_", "", false},
		{"YR__", "", false}, // bits left over
		{"Y Q_", "", false},
		{"YWJj\n", "", false},
		{"YWJj%0A", "", false},
		{"YW\r\nJj", "", false},
		{"%59%51%5F%5", "", false},
		{"YQ%255F%255F", "", false},
		{"_YQ_", "", false},
		{"YWJjYQ__YWJj", "", false},
		{"\xff\xff\xff\xff", "", false},
	}
	for _, row := range rows {
		got, ok := signedurl.DecodeCoded(row.value)
		if ok != row.ok || string(got) != row.want {
			t.Errorf("DecodeCoded(%q) = %q, %v, want %q, %v", row.value, got, ok, row.want, row.ok)
		}
	}
}

func FuzzDecodeCoded(f *testing.F) {
	f.Add("YQ__")
	f.Add("%2D~+_")
	f.Fuzz(func(t *testing.T, value string) {
		raw, ok := signedurl.DecodeCoded(value)
		if !ok {
			return
		}
		back, ok := signedurl.DecodeCoded(string(signedurl.AppendCoded(nil, raw)))
		if !ok || !bytes.Equal(back, raw) {
			t.Fatalf("%q decodes to %x, which comes back as %x, %v", value, raw, back, ok)
		}
	})
}
