// Command go is a backend that hands signed cookies to its logged-in users; see
// the README of the folder above.
package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
)

const (
	session     = "session"
	sessionLife = 8 * time.Hour
	passSeconds = 3600
)

type user struct{ Salt, Hash string }

type backend struct {
	users map[string]user
	key   []byte // of sessions, new at each start
	aws   aws.Config
}

func main() {
	b := &backend{key: make([]byte, 32)}
	rand.Read(b.key)
	text, err := os.ReadFile(os.Getenv("USERS"))
	if err == nil {
		err = json.Unmarshal(text, &b.users)
	}
	if err != nil {
		log.Fatal(err)
	}
	if b.aws, err = config.LoadDefaultConfig(context.Background()); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", b.login)
	mux.HandleFunc("POST /pass", b.pass)
	addr := os.Getenv("LISTEN")
	if addr == "" {
		addr = "127.0.0.1:8000"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	server := &http.Server{Handler: http.NewCrossOriginProtection().Handler(mux), ReadTimeout: 10 * time.Second}
	log.Fatal(server.Serve(l))
}

// login checks a password and begins a session.
func (b *backend) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	name := r.FormValue("user")
	u := b.users[name] // an unknown user costs the same time
	salt, _ := hex.DecodeString(u.Salt)
	want, _ := hex.DecodeString(u.Hash)
	got, err := pbkdf2.Key(sha256.New, r.FormValue("password"), salt, 600_000, 32)
	if err != nil || subtle.ConstantTimeCompare(got, want) != 1 {
		http.Error(w, "wrong user or password", http.StatusForbidden)
		return
	}
	until := strconv.FormatInt(time.Now().Add(sessionLife).Unix(), 10)
	token := base64.RawURLEncoding.EncodeToString([]byte(name)) + "." + until
	http.SetCookie(w, &http.Cookie{
		Name: session, Value: token + "." + b.seal(token), Path: "/", HttpOnly: true,
		Secure: os.Getenv("ALLOW_HTTP") == "", SameSite: http.SameSiteLaxMode,
	})
	w.WriteHeader(http.StatusNoContent)
}

func (b *backend) seal(token string) string {
	mac := hmac.New(sha256.New, b.key)
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

// loggedIn reports whether the request belongs to a session.
func (b *backend) loggedIn(r *http.Request) bool {
	c, err := r.Cookie(session)
	if err != nil {
		return false
	}
	i := strings.LastIndexByte(c.Value, '.')
	if i < 0 || !hmac.Equal([]byte(b.seal(c.Value[:i])), []byte(c.Value[i+1:])) {
		return false
	}
	_, until, _ := strings.Cut(c.Value[:i], ".")
	at, err := strconv.ParseInt(until, 10, 64)
	return err == nil && time.Now().Unix() < at
}

// pass gives the signed cookies to who is logged in.
func (b *backend) pass(w http.ResponseWriter, r *http.Request) {
	if !b.loggedIn(r) {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	cookies, err := b.sign(r.Context())
	if err != nil {
		log.Print(err)
		http.Error(w, "no pass now", http.StatusBadGateway)
		return
	}
	for _, c := range cookies {
		w.Header().Add("Set-Cookie", c)
	}
	w.WriteHeader(http.StatusNoContent)
}

// sign asks the signing profile for Set-Cookie values.
func (b *backend) sign(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body, err := json.Marshal(map[string]any{
		"cookies": map[string]any{
			"resource": os.Getenv("RESOURCE"), "domain": os.Getenv("COOKIE_DOMAIN"), "allowHttp": os.Getenv("ALLOW_HTTP") != "",
		},
		"validForSeconds": passSeconds,
	})
	if err != nil {
		return nil, err
	}
	url := os.Getenv("KEYFRONT_URL") + "/_keyfront/signer/" + os.Getenv("SIGNER") + "/sign"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	creds, err := b.aws.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, creds, r, hex.EncodeToString(sum[:]), "keyfront", b.aws.Region, time.Now()); err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("signing profile: %s: %s", res.Status, answer)
	}
	var out struct{ SetCookies []string }
	err = json.Unmarshal(answer, &out)
	return out.SetCookies, err
}
