package signedurl_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

// full is a policy with every member that counts.
const full = `{"Statement":[{"Resource":"https://h/*","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400},` +
	`"DateGreaterThan":{"AWS:EpochTime":1767200000},"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"}}}]}`

func TestParsePolicy(t *testing.T) {
	plain := func(resource string) signedurl.Policy {
		return signedurl.Policy{Resource: resource, Expires: time.Unix(expiry, 0).UTC()}
	}
	ranged := func(cidr string) signedurl.Policy {
		p := plain("a")
		p.Source = netip.MustParsePrefix(cidr)
		return p
	}
	from := plain("https://h/*")
	from.NotBefore = time.Unix(1767200000, 0).UTC()
	from.Source = netip.MustParsePrefix("192.0.2.0/24")

	const (
		less = `"Condition":{"DateLessThan":{"AWS:EpochTime":1767290400}}`
		ip   = `{"Statement":[{"Resource":"a","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400},"IpAddress":{"AWS:SourceIp":"%s"}}}]}`
	)
	rows := []struct {
		name, text string
		want       signedurl.Policy
	}{
		{"every member", full, from},
		{"statement alone", `{"Statement":{"Resource":"a",` + less + `}}`, plain("a")},
		{"no resource", `{"Statement":[{` + less + `}]}`, plain("*")},
		{"other order", `{"Statement":[{` + less + `,"Resource":"a"}]}`, plain("a")},
		{"white space", "\t{ \"Statement\" : [ {\r\n\"Resource\" : \"a\" , " + less + " } ] }\n", plain("a")},
		{"old Java SDK", `{"Statement": [{"Resource":"a",` + less + `}]}`, plain("a")},
		{"unknown members outside of Condition", `{"Version":"2012-10-17","Id":null,"x":[1,-2.5e+3,{"a":true}],"Statement":[{"Sid":"s","Effect":"Allow","Resource":"a",` + less + `}]}`, plain("a")},
		{"bare question mark escape", `{"Statement":[{"Resource":"https://h/a\?b=\?*",` + less + `}]}`, plain(`https://h/a\?b=\?*`)},
		{"question mark escaped as JSON wants", `{"Statement":[{"Resource":"https://h/a\\?b",` + less + `}]}`, plain(`https://h/a\?b`)},
		{"escapes", `{"Statement":[{"Resource":"\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00",` + less + `}]}`, plain("\"\\/\b\f\n\r\tä😀")},
		{"escaped name", `{"St\u0061tement":[{"Resource":"a",` + less + `}]}`, plain("a")},
		{"one address", fmt.Sprintf(ip, "192.0.2.1"), ranged("192.0.2.1/32")},
		{"/32", fmt.Sprintf(ip, "192.0.2.1/32"), ranged("192.0.2.1/32")},
		{"any IPv4", fmt.Sprintf(ip, "0.0.0.0/0"), ranged("0.0.0.0/0")},
		{"host bits", fmt.Sprintf(ip, "192.0.2.77/24"), ranged("192.0.2.0/24")},
		{
			"last second", `{"Statement":[{"Resource":"a","Condition":{"DateLessThan":{"AWS:EpochTime":2147483647}}}]}`,
			signedurl.Policy{Resource: "a", Expires: time.Unix(2147483647, 0).UTC()},
		},
	}
	for _, row := range rows {
		got, err := signedurl.ParsePolicy([]byte(row.text))
		if err != nil || got != row.want {
			t.Errorf("%s: ParsePolicy(%s) = %+v, %v, want %+v", row.name, row.text, got, err, row.want)
		}
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	statement := func(s string) string { return `{"Statement":[` + s + `]}` }
	condition := func(s string) string { return statement(`{"Resource":"a","Condition":` + s + `}`) }
	less := func(s string) string { return condition(`{"DateLessThan":{"AWS:EpochTime":` + s + `}}`) }
	and := func(s string) string { return condition(`{"DateLessThan":{"AWS:EpochTime":1},` + s + `}`) }
	good := `{"Resource":"a","Condition":{"DateLessThan":{"AWS:EpochTime":1}}}`
	resource := func(s string) string {
		return statement(`{"Resource":` + s + `,"Condition":{"DateLessThan":{"AWS:EpochTime":1}}}`)
	}

	rows := []struct {
		name, text string
		hint       signedurl.Hint
	}{
		{"empty", "", ""},
		{"not JSON", "Expires=1", ""},
		{"no object", `[` + good + `]`, ""},
		{"no Statement", `{}`, ""},
		{"lower case", `{"statement":[` + good + `]}`, ""},
		{"no statement", statement(""), ""},
		{"two statements", statement(good + "," + good), ""},
		{"statement is a string", `{"Statement":"a"}`, ""},
		{"no Condition", statement(`{"Resource":"a"}`), ""},
		{"Condition is null", condition("null"), ""},
		{"no DateLessThan", condition(`{}`), ""},
		{"only DateGreaterThan", condition(`{"DateGreaterThan":{"AWS:EpochTime":1}}`), ""},
		{"no time", condition(`{"DateLessThan":{}}`), ""},
		{"time without object", condition(`{"DateLessThan":1}`), ""},
		{"quoted time", less(`"1767290400"`), signedurl.HintQuotedTime},
		{"fraction", less("1767290400.5"), ""},
		{"exponent", less("1e9"), ""},
		{"negative", less("-1"), ""},
		{"leading zero", less("01"), ""},
		{"plus", less("+1"), ""},
		{"milliseconds", less("1767290400000"), signedurl.HintMilliseconds},
		{"after 2038", less("2147483648"), ""},
		{"beyond 64 bits", less("18446744073709551617"), ""},
		{"null time", less("null"), ""},
		{"quoted start", and(`"DateGreaterThan":{"AWS:EpochTime":"1"}`), signedurl.HintQuotedTime},
		{"unknown condition", and(`"StringEquals":{"a":"b"}`), ""},
		{"unknown member beside time", condition(`{"DateLessThan":{"AWS:EpochTime":1,"x":1}}`), ""},
		{"unknown member beside address", and(`"IpAddress":{"AWS:SourceIp":"1.2.3.4","x":1}`), ""},
		{"address list", and(`"IpAddress":{"AWS:SourceIp":["1.2.3.4"]}`), ""},
		{"no address", and(`"IpAddress":{}`), ""},
		{"IPv6", and(`"IpAddress":{"AWS:SourceIp":"2001:db8::/32"}`), ""},
		{"IPv4 in IPv6", and(`"IpAddress":{"AWS:SourceIp":"::ffff:1.2.3.4"}`), ""},
		{"bad CIDR", and(`"IpAddress":{"AWS:SourceIp":"1.2.3.4/33"}`), ""},
		{"no CIDR", and(`"IpAddress":{"AWS:SourceIp":"everyone"}`), ""},
		{"resource list", resource(`["a"]`), ""},
		{"resource null", resource(`null`), ""},
		{"unknown escape", resource(`"a\*"`), ""},
		{"lone surrogate", resource(`"\ud83d"`), ""},
		{"swapped surrogates", resource(`"\ude00\ud83d"`), ""},
		{"short escape", resource(`"\u00e"`), ""},
		{"not UTF-8", resource("\"\xff\""), ""},
		{"control character", resource("\"a\nb\""), ""},
		{"byte order mark", "\ufeff" + full, ""},
		{"trailing text", full + "x", ""},
		{"trailing NUL", full + "\x00", ""},
		{"two documents", full + full, ""},
		{"trailing comma", `{"Statement":[` + good + `],}`, ""},
		{"unquoted name", `{Statement:[` + good + `]}`, ""},
		{"missing colon", `{"Statement"[` + good + `]}`, ""},
		{"repeated Statement", `{"Statement":[` + good + `],"Statement":[` + good + `]}`, ""},
		{"repeated name by escape", `{"Statement":[` + good + `],"St\u0061tement":[` + good + `]}`, ""},
		{"repeated Resource", statement(`{"Resource":"a","Resource":"b","Condition":{"DateLessThan":{"AWS:EpochTime":1}}}`), ""},
		{"repeated time", condition(`{"DateLessThan":{"AWS:EpochTime":1,"AWS:EpochTime":2}}`), ""},
		{"repeated unknown", `{"x":1,"x":1,"Statement":[` + good + `]}`, ""},
		{"bad unknown value", `{"x":tru,"Statement":[` + good + `]}`, ""},
		{"deep", `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"Statement":[` + good + `]}`, ""},
		{"too long", `{"x":"` + strings.Repeat("x", signedurl.MaxPolicyBytes) + `","Statement":[` + good + `]}`, ""},
	}
	for i := range len(full) {
		rows = append(rows, struct {
			name, text string
			hint       signedurl.Hint
		}{"cut short", full[:i], ""})
	}
	for _, row := range rows {
		_, err := signedurl.ParsePolicy([]byte(row.text))
		var bad *signedurl.PolicyError
		if !errors.As(err, &bad) || !errors.Is(err, signedurl.ErrPolicy) || bad.Hint != row.hint {
			t.Errorf("%s: ParsePolicy(%.200s): error = %v (hint %v), want *PolicyError with hint %q", row.name, row.text, err, bad, row.hint)
		}
	}
}

// FuzzParsePolicy wants the reader never to panic, and never to take what
// encoding/json refuses, the one leniency aside.
func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"Statement":{"Condition":{"DateLessThan":{"AWS:EpochTime":1}}}}`))
	f.Add([]byte(`{"Statement":{"Resource":"\?\u00e4","x":[{}],"Condition":{"DateLessThan":{"AWS:EpochTime":1}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := signedurl.ParsePolicy(text)
		if err != nil {
			var bad *signedurl.PolicyError
			if !errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > len(text) {
				t.Fatalf("ParsePolicy(%q): error %v without a place in the text", text, err)
			}
			return
		}
		if strings.Contains(string(text), `\?`) {
			return
		}
		var doc struct{ Statement json.RawMessage }
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatalf("ParsePolicy took %q, encoding/json says %v", text, err)
		}
		if at := p.Expires.Unix(); at < 0 || at > signedurl.MaxTime {
			t.Fatalf("ParsePolicy(%q): expires %v", text, p.Expires)
		}
	})
}

func BenchmarkParsePolicy(b *testing.B) {
	text := []byte(full)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signedurl.ParsePolicy(text); err != nil {
			b.Fatal(err)
		}
	}
}
