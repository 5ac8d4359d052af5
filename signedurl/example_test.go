package signedurl_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

// A backend signs a link that works for a while.
func ExampleSigner_Sign() {
	text, _ := os.ReadFile("testdata/rsa2048.pem")
	key, err := signedurl.ParsePrivateKey(text)
	if err != nil {
		log.Fatal(err)
	}
	signer, err := signedurl.NewSigner("K1RSATESTKEY00", key, nil)
	if err != nil {
		log.Fatal(err)
	}
	url, err := signer.Sign(context.Background(), "https://d111111abcdef8.cloudfront.net/image.jpg",
		signedurl.Policy{Expires: time.Unix(1767290400, 0)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(url[:80])
	// Output:
	// https://d111111abcdef8.cloudfront.net/image.jpg?Expires=1767290400&Signature=Ia3
}

// Cookies open a whole folder to a logged-in user.
func ExampleSigner_Cookies() {
	text, _ := os.ReadFile("testdata/p256.pem")
	key, err := signedurl.ParsePrivateKey(text)
	if err != nil {
		log.Fatal(err)
	}
	signer, err := signedurl.NewSigner("K2ECDSATESTKEY", key, &signedurl.SignerOptions{Hash: signedurl.SHA256})
	if err != nil {
		log.Fatal(err)
	}
	cookies, err := signer.Cookies(context.Background(), signedurl.Policy{
		Resource: "https://media.example.com/videos/*",
		Expires:  time.Unix(1767290400, 0),
	}, &signedurl.CookieOptions{Domain: "example.com", Path: "/videos/"})
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range cookies {
		fmt.Println(c.Name, c.Domain, c.Path) // in a handler: http.SetCookie(w, c)
	}
	// Output:
	// CloudFront-Policy example.com /videos/
	// CloudFront-Signature example.com /videos/
	// CloudFront-Key-Pair-Id example.com /videos/
	// CloudFront-Hash-Algorithm example.com /videos/
}

// A test of a backend asks whether its URL would be let in, and why not.
func ExampleVerify() {
	text, _ := os.ReadFile("testdata/rsa2048.pub.pem")
	key, err := signedurl.ParsePublicKey(text)
	if err != nil {
		log.Fatal(err)
	}
	keys := signedurl.KeySet{"K1RSATESTKEY00": key}

	r, err := signedurl.NewRequest("https://d111111abcdef8.cloudfront.net/image.jpg?Expires=1767290400000&Signature=YQ__&Key-Pair-Id=K1RSATESTKEY00")
	if err != nil {
		log.Fatal(err)
	}
	res := signedurl.Verify(&r, keys, time.Unix(1767280000, 0), nil)
	fmt.Println(res.Allowed(), res.Code, res.Reason.Hint)
	fmt.Println(res.Reason)
	fmt.Printf("%s\n", res.Body())
	// Output:
	// false MalformedPolicy milliseconds
	// Expires, byte 0: looks like milliseconds; CloudFront counts seconds
	// <?xml version="1.0" encoding="UTF-8"?><Error><Code>MalformedPolicy</Code><Message>Malformed Policy</Message></Error>
}

// A server admits viewers as CloudFront does.
func ExampleVerifier() {
	verifier := signedurl.NewVerifier(0)
	keys := signedurl.KeySet{} // of the key groups that this path trusts

	admit := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			req := signedurl.FromHTTP(r)
			res := verifier.Verify(&req, keys, time.Now(), nil)
			if !res.Allowed() {
				log.Println(res.Resource(), res.Reason)
				w.Header().Set("Content-Type", "text/xml")
				w.WriteHeader(http.StatusForbidden)
				w.Write(res.Body())
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	http.Handle("/videos/", admit(http.FileServer(http.Dir("."))))
}

// The owner of a distribution wants to know why a link does not work.
func ExampleExplain() {
	text, _ := os.ReadFile("testdata/rsa2048.pem")
	key, err := signedurl.ParsePrivateKey(text)
	if err != nil {
		log.Fatal(err)
	}
	signer, err := signedurl.NewSigner("K1RSATESTKEY00", key, nil)
	if err != nil {
		log.Fatal(err)
	}
	url, err := signer.Sign(context.Background(), "http://d111111abcdef8.cloudfront.net/image.jpg",
		signedurl.Policy{Expires: time.Unix(1767290400, 0)})
	if err != nil {
		log.Fatal(err)
	}
	public, err := signedurl.NewPublicKey(key.Public())
	if err != nil {
		log.Fatal(err)
	}

	r, err := signedurl.NewRequest("https" + url[len("http"):])
	if err != nil {
		log.Fatal(err)
	}
	e := signedurl.Explain(&r, signedurl.KeySet{"K1RSATESTKEY00": public}, time.Unix(1767286800, 0), nil, nil)
	fmt.Println(e.Code, e.Reason.Cause)
	fmt.Println(e.Mistakes[0].Name+":", e.Mistakes[0].Text)
	fmt.Printf("%s|%s\n", e.Expected[:e.ExpectedAt], e.Expected[e.ExpectedAt:])
	// Output:
	// AccessDenied signature-wrong
	// other-scheme: it was signed for http and asked for over https
	// {"Statement":[{"Resource":"http|s://d111111abcdef8.cloudfront.net/image.jpg","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400}}}]}
}
