package signedurl_test

import (
	"crypto"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

// query joins reserved parameters with a RSA key id that is trusted.
func query(parts ...string) string {
	return imageURL + "?" + strings.Join(append(parts, "Key-Pair-Id="+string(rsaID)), "&")
}

// TestRejections has every row of the table of codes, in its order, and what
// each row is before.
func TestRejections(t *testing.T) {
	keys := trusted(t)
	key := privateKey(t, "rsa2048.pem")
	other := rawSign(t, privateKey(t, "p256.pem"), crypto.SHA1, cannedText(imageURL, expiry))
	canned := rawSign(t, key, crypto.SHA1, cannedText(imageURL, expiry))
	custom := func(text string) string {
		return query("Policy="+coded(text), "Signature="+rawSign(t, key, crypto.SHA1, text))
	}
	condition := func(s string) string {
		return custom(`{"Statement":[{"Resource":"` + imageURL + `","Condition":{` + s + `}}]}`)
	}
	good := query("Expires=1767290400", "Signature="+canned)

	rows := []struct {
		name, url string
		want      verdict
	}{
		{"control: good", good, verdict{}},

		{"1: nothing", imageURL, verdict{signedurl.MissingKey, signedurl.CauseUnsigned}},
		{"1: only application parameters", imageURL + "?a=b&expires=1", verdict{signedurl.MissingKey, signedurl.CauseUnsigned}},

		{"2: no key id", imageURL + "?Expires=1767290400&Signature=" + canned, verdict{signedurl.MissingKey, signedurl.CauseNoKeyID}},
		{"2: empty key id", imageURL + "?Expires=1767290400&Key-Pair-Id=&Signature=" + canned, verdict{signedurl.MissingKey, signedurl.CauseNoKeyID}},
		{"2: a PEM text", imageURL + "?Expires=1&Key-Pair-Id=-----BEGIN%20PUBLIC%20KEY-----", verdict{signedurl.MissingKey, signedurl.CauseNoKeyID}},
		{"2: before 4 and 5", imageURL + "?Expires=x&Signature=!", verdict{signedurl.MissingKey, signedurl.CauseNoKeyID}},
		{"2: hash alone", imageURL + "?Hash-Algorithm=SHA256", verdict{signedurl.MissingKey, signedurl.CauseNoKeyID}},

		{"3: unknown key", strings.Replace(good, string(rsaID), "KUNKNOWN000000", 1), verdict{signedurl.InvalidKey, signedurl.CauseUnknownKey}},
		{"3: key of another group", strings.Replace(good, string(rsaID), string(otherID), 1), verdict{signedurl.InvalidKey, signedurl.CauseUnknownKey}},
		{"3: case counts", strings.Replace(good, string(rsaID), strings.ToLower(string(rsaID)), 1), verdict{signedurl.InvalidKey, signedurl.CauseUnknownKey}},
		{"3: before 4 and 5", imageURL + "?Expires=x&Signature=!&Key-Pair-Id=KUNKNOWN000000", verdict{signedurl.InvalidKey, signedurl.CauseUnknownKey}},

		{"4: no signature", query("Expires=1767290400"), verdict{signedurl.MalformedSignature, signedurl.CauseNoSignature}},
		{"4: empty signature", query("Expires=1767290400", "Signature="), verdict{signedurl.MalformedSignature, signedurl.CauseNoSignature}},
		{"4: undecodable", query("Expires=1767290400", "Signature=!!!!"), verdict{signedurl.MalformedSignature, signedurl.CauseBadSignature}},
		{"4: cut short", query("Expires=1767290400", "Signature="+canned[:len(canned)-3]), verdict{signedurl.MalformedSignature, signedurl.CauseBadSignature}},
		{"4: before 5", query("Expires=x", "Signature=!!!!"), verdict{signedurl.MalformedSignature, signedurl.CauseBadSignature}},

		{"5: no policy", query("Signature=" + canned), verdict{signedurl.MalformedPolicy, signedurl.CauseNoPolicy}},
		{"5: empty Expires", query("Expires=", "Signature="+canned), verdict{signedurl.MalformedPolicy, signedurl.CauseBadExpires}},
		{"5: Expires is no number", query("Expires=tomorrow", "Signature="+canned), verdict{signedurl.MalformedPolicy, signedurl.CauseBadExpires}},
		{"5: Expires is signed", query("Expires=+1767290400", "Signature="+canned), verdict{signedurl.MalformedPolicy, signedurl.CauseBadExpires}},
		{"5: Expires is negative", query("Expires=-1", "Signature="+canned), verdict{signedurl.MalformedPolicy, signedurl.CauseBadExpires}},
		{"5: Expires after 2038", query("Expires=2147483648", "Signature="+canned), verdict{signedurl.MalformedPolicy, signedurl.CauseBadExpires}},
		{
			"5: milliseconds, rightly signed",
			query("Expires=1767290400000", "Signature="+rawSign(t, key, crypto.SHA1, cannedText(imageURL, 1767290400000))),
			verdict{signedurl.MalformedPolicy, signedurl.CauseBadExpires},
		},
		{"5: Policy undecodable", query("Policy=!!!!", "Signature="+canned), verdict{signedurl.MalformedPolicy, signedurl.CausePolicyCoding}},
		{"5: Policy empty", query("Policy=", "Signature="+canned), verdict{signedurl.MalformedPolicy, signedurl.CauseBadPolicy}},
		{"5: Policy is no JSON", custom("Resource=*"), verdict{signedurl.MalformedPolicy, signedurl.CauseBadPolicy}},
		{"5: Policy without end", condition(``), verdict{signedurl.MalformedPolicy, signedurl.CauseBadPolicy}},
		{"5: Policy in milliseconds", condition(`"DateLessThan":{"AWS:EpochTime":1767290400000}`), verdict{signedurl.MalformedPolicy, signedurl.CauseBadPolicy}},
		{"5: before 6", query("Policy="+coded(`{"Statement":`), "Signature="+other), verdict{signedurl.MalformedPolicy, signedurl.CauseBadPolicy}},
		{"5: Policy wins over Expires", query("Expires=1767290400", "Policy=!!!!", "Signature="+canned), verdict{signedurl.MalformedPolicy, signedurl.CausePolicyCoding}},

		{"6: wrong key", query("Expires=1767290400", "Signature="+other), verdict{signedurl.AccessDenied, signedurl.CauseWrongSignature}},
		{"6: other expiry", query("Expires=1767290401", "Signature="+canned), verdict{signedurl.AccessDenied, signedurl.CauseWrongSignature}},
		{"6: before 8", query("Expires=1", "Signature="+canned), verdict{signedurl.AccessDenied, signedurl.CauseWrongSignature}},
		{"6: short signature", query("Expires=1767290400", "Signature=YQ__"), verdict{signedurl.AccessDenied, signedurl.CauseWrongSignature}},
		{"6: other policy", query("Policy="+coded(full), "Signature="+canned), verdict{signedurl.AccessDenied, signedurl.CauseWrongSignature}},

		{"7: other resource", custom(cannedText(imageURL+"x", expiry)), verdict{signedurl.AccessDenied, signedurl.CauseResource}},
		{"7: before 8", custom(cannedText(imageURL+"x", 1)), verdict{signedurl.AccessDenied, signedurl.CauseResource}},

		{"8: canned, expired", query("Expires=1", "Signature="+rawSign(t, key, crypto.SHA1, cannedText(imageURL, 1))), verdict{signedurl.AccessDenied, signedurl.CauseExpired}},
		{"8: custom, expired", condition(`"DateLessThan":{"AWS:EpochTime":1}`), verdict{signedurl.AccessDenied, signedurl.CauseExpired}},
		{
			"8: not yet valid",
			condition(`"DateLessThan":{"AWS:EpochTime":1767290400},"DateGreaterThan":{"AWS:EpochTime":1767290399}`),
			verdict{signedurl.AccessDenied, signedurl.CauseNotYetValid},
		},
		{
			"8: wrong address",
			condition(`"DateLessThan":{"AWS:EpochTime":1767290400},"IpAddress":{"AWS:SourceIp":"198.51.100.0/24"}`),
			verdict{signedurl.AccessDenied, signedurl.CauseAddress},
		},

		{"9: unknown hash", good + "&Hash-Algorithm=SHA512", verdict{signedurl.AccessDenied, signedurl.CauseUnknownHash}},
		{"9: lower case", good + "&Hash-Algorithm=sha1", verdict{signedurl.AccessDenied, signedurl.CauseUnknownHash}},
		{"9: empty", good + "&Hash-Algorithm=", verdict{signedurl.AccessDenied, signedurl.CauseUnknownHash}},
		{"9: the other hash", good + "&Hash-Algorithm=SHA256", verdict{signedurl.AccessDenied, signedurl.CauseWrongSignature}},
		{"9: first of two", good + "&Hash-Algorithm=SHA1&Hash-Algorithm=SHA256", verdict{}},
		{"9: malformed policy first", query("Expires=x", "Signature="+canned, "Hash-Algorithm=x"), verdict{signedurl.MalformedPolicy, signedurl.CauseBadExpires}},

		{"10: Resource is a stream name", custom(cannedText("images/image.jpg", expiry)), verdict{signedurl.AccessDenied, signedurl.CauseBadResource}},
		{"10: Resource is empty", custom(cannedText("", expiry)), verdict{signedurl.AccessDenied, signedurl.CauseBadResource}},
	}
	for _, bad := range []string{`"`, `\`, "\x01", "\x7f", "ä"} {
		url := imageURL + bad
		sig := rawSign(t, key, crypto.SHA1, cannedText(url, expiry))
		rows = append(rows, struct {
			name, url string
			want      verdict
		}{
			fmt.Sprintf("10: %q in a canned URL", bad),
			url + "?Expires=1767290400&Signature=" + sig + "&Key-Pair-Id=" + string(rsaID),
			verdict{signedurl.AccessDenied, signedurl.CauseUnsignableURL},
		})
	}

	verifier := signedurl.NewVerifier(0)
	for _, row := range rows {
		r := request(t, row.url)
		if got := verdictOf(signedurl.Verify(r, keys, now, nil)); got != row.want {
			t.Errorf("%s: Verify = %v, want %v", row.name, got, row.want)
		}
		// A Verifier must agree, also the second time.
		for range 2 {
			if got := verdictOf(verifier.Verify(r, keys, now, nil)); got != row.want {
				t.Errorf("%s: Verifier = %v, want %v", row.name, got, row.want)
			}
		}
		if row.want.code == "" {
			continue
		}
		// The same as cookies. A path or query in the URL stays where it is.
		bare, reserved, ok := strings.Cut(row.url, "?")
		if !ok || reserved == "a=b&expires=1" {
			continue
		}
		r = request(t, bare)
		r.Cookies = []string{"session=1; CloudFront-" + strings.ReplaceAll(reserved, "&", "; CloudFront-")}
		if got := verdictOf(signedurl.Verify(r, keys, now, nil)); got != row.want {
			t.Errorf("%s, as cookies: Verify = %v, want %v", row.name, got, row.want)
		}
	}
}

func TestBody(t *testing.T) {
	const frame = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`
	for code, message := range map[signedurl.Code]string{
		signedurl.MissingKey:         "Missing Key-Pair-Id query parameter or cookie value",
		signedurl.InvalidKey:         "Unknown Key",
		signedurl.MalformedSignature: "Could not unencode Signature",
		signedurl.MalformedPolicy:    "Malformed Policy",
		signedurl.AccessDenied:       "Access denied",
	} {
		res := signedurl.Result{Code: code}
		if got, want := string(res.Body()), fmt.Sprintf(frame, code, message); got != want {
			t.Errorf("Body() = %q, want %q", got, want)
		}
	}
	// The length that a captured answer of CloudFront had.
	missing := signedurl.Verify(request(t, imageURL), trusted(t), now, nil)
	if n := len(missing.Body()); n != 146 {
		t.Errorf("the body of MissingKey has %d bytes, want 146", n)
	}
	allowed := signedurl.Result{}
	if got := allowed.Body(); got != nil {
		t.Errorf("Body() of an allowed request = %q, want none", got)
	}
}

// TestReasons wants each reason to carry what the owner needs to see.
func TestReasons(t *testing.T) {
	keys := trusted(t)
	key := privateKey(t, "rsa2048.pem")
	canned := rawSign(t, key, crypto.SHA1, cannedText(imageURL, expiry))
	custom := func(text string) string {
		return query("Policy="+coded(text), "Signature="+rawSign(t, key, crypto.SHA1, text))
	}
	url64 := strings.NewReplacer("-", "-", "~", "_", "_", "").Replace(canned)
	if !strings.Contains(url64, "_") {
		t.Fatal("the signature of the fixed key has no slash; choose another text")
	}

	rows := []struct {
		name, url string
		at        time.Time
		want      signedurl.Reason
		says      string
	}{
		{
			"expired", query("Expires=1767290400", "Signature="+canned), time.Unix(expiry+90, 0),
			signedurl.Reason{Cause: signedurl.CauseExpired, By: 90 * time.Second},
			"1m30s ago",
		},
		{
			"not yet valid", custom(strings.Replace(full, "https://h/*", "*", 1)), time.Unix(1767200000-30, 0),
			signedurl.Reason{Cause: signedurl.CauseNotYetValid, By: 30 * time.Second},
			"in 30s",
		},
		{
			"domain", custom(full), now,
			signedurl.Reason{Cause: signedurl.CauseResource, Field: "Policy", Section: signedurl.SectionDomain},
			"domain",
		},
		{
			"base64url", query("Expires=1767290400", "Signature="+url64), now,
			signedurl.Reason{Cause: signedurl.CauseBadSignature, Field: "Signature", Hint: signedurl.HintBase64URL, Offset: strings.Index(url64, "_")},
			"base64url",
		},
		{
			"encoded twice", query("Expires=1767290400", "Signature="+strings.ReplaceAll(canned, "_", "%255F")), now,
			signedurl.Reason{Cause: signedurl.CauseBadSignature, Field: "Signature", Hint: signedurl.HintEncodedTwice, Offset: 342},
			"twice",
		},
		{
			"milliseconds", query("Expires=1767290400000", "Signature="+canned), now,
			signedurl.Reason{Cause: signedurl.CauseBadExpires, Field: "Expires", Hint: signedurl.HintMilliseconds},
			"milliseconds",
		},
		{
			"quoted time", custom(`{"Statement":[{"Condition":{"DateLessThan":{"AWS:EpochTime":"1"}}}]}`), now,
			signedurl.Reason{Cause: signedurl.CauseBadPolicy, Field: "Policy", Hint: signedurl.HintQuotedTime, Offset: 60},
			"number",
		},
		{
			"path", custom(cannedText("https://d111111abcdef8.cloudfront.net/x", expiry)), now,
			signedurl.Reason{Cause: signedurl.CauseResource, Field: "Policy", Section: signedurl.SectionPath},
			"path",
		},
		{
			"protocol", custom(cannedText("http://d111111abcdef8.cloudfront.net/image.jpg", expiry)), now,
			signedurl.Reason{Cause: signedurl.CauseResource, Field: "Policy", Section: signedurl.SectionProtocol},
			"protocol",
		},
		{
			"query", custom(cannedText(imageURL+`\\?a`, expiry)), now,
			signedurl.Reason{Cause: signedurl.CauseResource, Field: "Policy", Section: signedurl.SectionQuery},
			"query",
		},
	}
	for _, row := range rows {
		res := signedurl.Verify(request(t, row.url), keys, row.at, nil)
		got := res.Reason
		text := got.String()
		got.Detail = ""
		if got != row.want {
			t.Errorf("%s: Reason = %+v, want %+v", row.name, got, row.want)
		}
		if !strings.Contains(text, row.says) {
			t.Errorf("%s: Reason says %q, want it to mention %q", row.name, text, row.says)
		}
	}
}

// TestEveryCauseSpeaks wants a sentence for each cause, not its label.
func TestEveryCauseSpeaks(t *testing.T) {
	for _, cause := range []signedurl.Cause{
		signedurl.CauseUnsigned, signedurl.CauseNoKeyID, signedurl.CauseUnknownKey, signedurl.CauseNoSignature,
		signedurl.CauseBadSignature, signedurl.CauseNoPolicy, signedurl.CausePolicyCoding, signedurl.CauseBadPolicy,
		signedurl.CauseBadExpires, signedurl.CauseUnsignableURL, signedurl.CauseUnknownHash, signedurl.CauseRefusedHash,
		signedurl.CauseWrongSignature, signedurl.CauseBadResource, signedurl.CauseResource, signedurl.CauseExpired,
		signedurl.CauseNotYetValid, signedurl.CauseAddress, signedurl.CauseAddressNotIPv4,
	} {
		if got := (signedurl.Reason{Cause: cause}).String(); got == string(cause) || got == "" {
			t.Errorf("Reason of %s says %q", cause, got)
		}
	}
}

func TestResultShowsWhatWasDecoded(t *testing.T) {
	p := signedurl.Policy{
		Resource: "https://*.cloudfront.net/*", Expires: time.Unix(expiry, 0).UTC(),
		NotBefore: time.Unix(1767200000, 0).UTC(), Source: netip.MustParsePrefix("198.51.100.0/24"),
	}
	signed := sign(t, newSigner(t, testKeys(t)["p256"], signedurl.SHA256), imageURL+"?a=b", p)
	res := signedurl.Verify(request(t, signed), trusted(t), now, nil)
	if got, want := verdictOf(res), (verdict{signedurl.AccessDenied, signedurl.CauseAddress}); got != want {
		t.Fatalf("Verify = %v, want %v", got, want)
	}
	if res.Policy == nil || *res.Policy != p {
		t.Errorf("Policy = %+v, want %+v", res.Policy, p)
	}
	if res.Carrier != signedurl.CarrierURL || res.KeyID != ecdsaID || res.Hash != signedurl.SHA256 || !res.Custom || !res.Verified {
		t.Errorf("Result = %+v, want a verified custom URL of %s under SHA-256", res, ecdsaID)
	}
	if got, want := res.Resource(), imageURL+"?a=b"; got != want {
		t.Errorf("Resource() = %q, want %q", got, want)
	}
	const text = `{"Statement":[{"Resource":"https://*.cloudfront.net/*","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400},` +
		`"DateGreaterThan":{"AWS:EpochTime":1767200000},"IpAddress":{"AWS:SourceIp":"198.51.100.0/24"}}}]}`
	if got := string(res.SignedPolicy()); got != text {
		t.Errorf("SignedPolicy() = %s, want %s", got, text)
	}

	// Of a request that fails by its signature, the expected bytes are what explains it.
	res = signedurl.Verify(request(t, query("Expires=1767290400", "Signature=YQ__")), trusted(t), now, nil)
	if got, want := string(res.SignedPolicy()), cannedText(imageURL, expiry); got != want || res.Verified {
		t.Errorf("SignedPolicy() = %s, Verified %v, want %s, not verified", got, res.Verified, want)
	}
}
