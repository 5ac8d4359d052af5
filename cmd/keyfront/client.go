package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// client calls Keyfront's own routes as the aws CLI calls AWS: endpoint and
// credentials come from the same variables and files.
type client struct {
	endpoint, region string
	access, secret   string
	token            string
}

// clientFlags are shared by the commands that talk to a server.
type clientFlags struct {
	Endpoint string `help:"Address of the server's API: http://127.0.0.1:4566." env:"AWS_ENDPOINT_URL" default:"http://127.0.0.1:4566" placeholder:"URL"`
	Profile  string `help:"Profile of the AWS credentials." env:"AWS_PROFILE" placeholder:"NAME"`
}

func (f *clientFlags) client(ctx context.Context) (*client, error) {
	if u, err := url.Parse(f.Endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%w: the endpoint %q is no URL such as http://127.0.0.1:4566", errUsage, f.Endpoint)
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(f.Profile), config.WithDefaultRegion(publishRegion), quietSDK)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	creds, err := credentialsOf(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &client{
		endpoint: strings.TrimSuffix(f.Endpoint, "/"), region: cfg.Region,
		access: creds.AccessKeyID, secret: creds.SecretAccessKey, token: creds.SessionToken,
	}, nil
}

// quietSDK keeps the SDK's own lines off stderr: what matters comes as an error.
var quietSDK = config.WithLogger(logging.Nop{})

// credentialsOf finds the credentials, or says how to give some.
func credentialsOf(ctx context.Context, cfg aws.Config) (aws.Credentials, error) {
	creds, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return creds, hinted{
			errors.New("no AWS credentials"),
			"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE to <data-dir>/credentials",
		}
	}
	return creds, nil
}

// maxAnswerBytes bounds what a server may answer.
const maxAnswerBytes = 64 << 20

// post sends in as JSON to a path below /_keyfront/ and returns the answer's
// JSON. An error of the server is one of its code and message.
func (c *client) post(ctx context.Context, path string, in any) (json.RawMessage, error) {
	return c.call(ctx, http.MethodPost, path, in)
}

// call is post with another method. Nil as in sends no body.
func (c *client) call(ctx context.Context, method, path string, in any) (json.RawMessage, error) {
	body, err := c.open(ctx, method, path, in)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, maxAnswerBytes))
}

// stream is post for answers that come bit by bit.
func (c *client) stream(ctx context.Context, path string, in any) (io.ReadCloser, error) {
	return c.open(ctx, http.MethodPost, path, in)
}

func (c *client) open(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	res, err := c.send(ctx, method, path, body, time.Now().UTC())
	if err != nil {
		return nil, err
	}
	// A server under a test clock has a time of its own.
	if now, ok := c.testClock(ctx, res); ok {
		res.Body.Close()
		if res, err = c.send(ctx, method, path, body, now); err != nil {
			return nil, err
		}
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return nil, err
	}
	var problem struct{ Code, Message string }
	if json.Unmarshal(answer, &problem) != nil || problem.Code == "" {
		return nil, fmt.Errorf("%s answered %s", c.endpoint, res.Status)
	}
	return nil, fmt.Errorf("%s: %s", problem.Code, problem.Message)
}

// direct follows no redirect: a request is signed for one place, and a session's
// token and what is asked are for no other.
var direct = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// send makes one signed request, at the given time.
func (c *client) send(ctx context.Context, method, path string, body []byte, at time.Time) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.endpoint+"/_keyfront/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	scope := sigv4.Scope{AccessKeyID: c.access, Date: at.Format("20060102"), Region: c.region, Service: "keyfront"}
	signer := sigv4.Signer{Key: sigv4.DeriveKey([]byte(c.secret), scope), Scope: scope, SecurityToken: c.token}
	sum := sha256.Sum256(body)
	if err := signer.Sign(r, hex.EncodeToString(sum[:]), at); err != nil {
		return nil, err
	}
	res, err := direct.Do(r)
	if err != nil {
		return nil, hinted{err, "is keyfront serve running there? see --endpoint"}
	}
	return res, nil
}

// testClock asks a server that refused a signature for the time of its test
// clock, if it has one.
func (c *client) testClock(ctx context.Context, refused *http.Response) (now time.Time, ok bool) {
	if refused.StatusCode != http.StatusForbidden {
		return now, false
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.endpoint+"/_keyfront/clock", nil)
	if err != nil {
		return now, false
	}
	res, err := direct.Do(r)
	if err != nil {
		return now, false
	}
	defer res.Body.Close()
	var told struct{ Now time.Time }
	ok = res.StatusCode == http.StatusOK && json.NewDecoder(io.LimitReader(res.Body, 1<<10)).Decode(&told) == nil && time.Since(told.Now).Abs() > time.Minute
	return told.Now.UTC(), ok
}
