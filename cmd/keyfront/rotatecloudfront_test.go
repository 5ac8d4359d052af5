package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/keyfront-project/keyfront/keyfronttest"
	"github.com/keyfront-project/keyfront/kmssigner"
	"github.com/keyfront-project/keyfront/signedurl"
)

// rotationWorld is a published file and a command that rotates its signing key.
type rotationWorld struct {
	*keyfronttest.Server
	t   *testing.T
	pub *publication
	cmd rotateCloudFrontCmd
}

func newRotationWorld(t *testing.T) *rotationWorld {
	t.Helper()
	srv := keyfronttest.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", srv.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", srv.SecretAccessKey)
	cfg := srv.AWSConfig()
	p, err := newPublisher(cfg, srv.Account, srv.EdgeURL)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := p.prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := uploadText(t.Context(), p.objects(pub), "a.txt", []byte("private")); err != nil {
		t.Fatal(err)
	}
	return &rotationWorld{srv, t, pub, rotateCloudFrontCmd{
		KeyGroup: pub.KeyGroupID, State: filepath.Join(t.TempDir(), "rotation"), Algorithm: "ECC_NIST_P256",
		Period: days(90 * 24 * time.Hour), LongestValidity: days(24 * time.Hour),
		awsFlags: awsFlags{Endpoint: srv.APIURL, Region: srv.Region, Timeout: time.Minute},
	}}
}

// rotate runs the command at a moment and returns what it prints.
func (w *rotationWorld) rotate(at time.Time) string {
	w.t.Helper()
	var out, words bytes.Buffer
	err := w.cmd.rotate(w.t.Context(), env{stdin: strings.NewReader(""), stdout: &out, stderr: &words, getenv: os.Getenv}, func() time.Time { return at })
	if err != nil {
		w.t.Fatalf("rotate-cloudfront: %v", err)
	}
	return out.String()
}

func (w *rotationWorld) current() (key currentKey) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.cmd.State, "current.json"))
	if err == nil {
		err = json.Unmarshal(text, &key)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

// opens reports whether the edge lets in a URL signed by the key.
func (w *rotationWorld) opens(key currentKey) bool {
	w.t.Helper()
	private, err := kmssigner.New(w.t.Context(), kms.NewFromConfig(w.AWSConfig()), key.KMSKeyARN, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	signer, err := signedurl.NewSigner(signedurl.KeyID(key.KeyPairID), private, &signedurl.SignerOptions{Hash: signedurl.SHA256})
	if err != nil {
		w.t.Fatal(err)
	}
	url, err := signer.Sign(w.t.Context(), w.pub.url("a.txt"), signedurl.Policy{Expires: w.Now().Add(time.Hour)})
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := w.Viewer().Get(url)
	if err != nil {
		w.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (w *rotationWorld) group() []string {
	w.t.Helper()
	got, err := cloudfront.NewFromConfig(w.AWSConfig()).GetKeyGroup(w.t.Context(), &cloudfront.GetKeyGroupInput{Id: &w.pub.KeyGroupID})
	if err != nil {
		w.t.Fatal(err)
	}
	return got.KeyGroup.KeyGroupConfig.Items
}

// log leaves an access log in which a key shows.
func (w *rotationWorld) log(id, status string, at time.Time) {
	w.t.Helper()
	store := s3.NewFromConfig(w.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := store.CreateBucket(w.t.Context(), &s3.CreateBucketInput{Bucket: aws.String("logs")}); err != nil && !strings.Contains(err.Error(), "BucketAlready") {
		w.t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprintf(z, "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie)\n"+
		"%s\tFRA1\t9\t192.0.2.1\tGET\td1.cloudfront.net\t/a.txt\t%s\t-\tcurl\tExpires=1&Signature=x&Key-Pair-Id=%s\t-\n", at.UTC().Format("2006-01-02\t15:04:05"), status, id)
	if err := z.Close(); err != nil {
		w.t.Fatal(err)
	}
	name := "cf/E1." + at.UTC().Format("2006-01-02-15") + "." + status + ".gz"
	if _, err := store.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: aws.String("logs"), Key: &name, Body: bytes.NewReader(packed.Bytes())}); err != nil {
		w.t.Fatal(err)
	}
}

func TestRotateCloudFront(t *testing.T) {
	w := newRotationWorld(t)
	today := w.Now()
	w.rotate(today.AddDate(0, 0, -92))
	old := w.current()
	if len(w.group()) != 2 || !w.opens(old) {
		t.Fatalf("key group %v; the edge serves with %+v: %v", w.group(), old, w.opens(old))
	}
	if out := w.rotate(today.AddDate(0, 0, -3)); strings.Count(out, "\n") != 2 || w.current() != old {
		t.Fatalf("before the period is over: %s", out)
	}

	out := w.rotate(today.AddDate(0, 0, -2))
	young := w.current()
	if young == old || len(w.group()) != 3 || !w.opens(young) || !w.opens(old) || !strings.Contains(out, "what it signed to expire") {
		t.Fatalf("after the period: %s, key group %v", out, w.group())
	}

	// The logs still show it; requests that were denied hold nothing.
	w.cmd.AccessLogs = "s3://logs/cf/"
	w.log(young.KeyPairID, "200", today.Add(-time.Minute))
	w.log(old.KeyPairID, "403", today.Add(-time.Minute))
	w.log(old.KeyPairID, "200", today.Add(-2*time.Hour))
	if out := w.rotate(today); len(w.group()) != 3 {
		t.Fatalf("a key left that the logs show: %s", out)
	}
	if out := w.rotate(today.Add(22*time.Hour + time.Minute)); len(w.group()) != 2 || strings.Contains(out, old.KeyPairID) || !w.opens(young) {
		t.Errorf("the old key stayed: %s, key group %v", out, w.group())
	}
	got, err := kms.NewFromConfig(w.AWSConfig()).DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &old.KMSKeyARN})
	if err != nil || got.KeyMetadata.KeyState != "PendingDeletion" {
		t.Errorf("the old key in the key service: %+v, %v", got, err)
	}
}

func TestRotateCloudFrontIsTold(t *testing.T) {
	w := newRotationWorld(t)
	today := w.Now()
	w.rotate(today)
	old := w.current()
	w.cmd.Now = true
	w.rotate(today)
	w.cmd.Now = false
	if w.current() == old || len(w.group()) != 3 {
		t.Fatal("--now did not rotate")
	}
	w.cmd.Remove = old.KeyPairID
	w.rotate(today)
	if len(w.group()) != 2 {
		t.Errorf("--remove left the key in the group")
	}
	w.cmd.Remove = w.current().KeyPairID
	e := env{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, getenv: os.Getenv}
	if err := w.cmd.rotate(t.Context(), e, w.Now); err == nil || !strings.Contains(err.Error(), "is not retired") {
		t.Errorf("--remove of the key that signs = %v", err)
	}
	w.cmd.Remove, w.cmd.KeyGroup = "", "another"
	if err := w.cmd.rotate(t.Context(), e, w.Now); err == nil || !strings.Contains(err.Error(), "another folder") {
		t.Errorf("another key group in the same folder = %v", err)
	}
}

// No key is made for a key group that is not there.
func TestRotateCloudFrontWantsAKeyGroup(t *testing.T) {
	w := newRotationWorld(t)
	api := kms.NewFromConfig(w.AWSConfig())
	keys := func() int {
		t.Helper()
		out, err := api.ListKeys(t.Context(), &kms.ListKeysInput{})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Keys)
	}
	before := keys()
	w.cmd.KeyGroup = "nosuch"
	e := env{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, getenv: os.Getenv}
	if err := w.cmd.rotate(t.Context(), e, w.Now); !hasCode(err, "NoSuchResource") {
		t.Errorf("rotate = %v, want NoSuchResource", err)
	}
	if after := keys(); after != before {
		t.Errorf("%d keys, want the %d from before", after, before)
	}
}

// Whatever the machine repeats after a crash finds its work done.
func TestRotationAtAWSCanBeRepeated(t *testing.T) {
	w := newRotationWorld(t)
	ctx := t.Context()
	keys := &serviceKeys{kms.NewFromConfig(w.AWSConfig()), "ECC_NIST_P256", map[string]bool{"name": true}}
	ref, public, err := keys.Make(ctx, "name")
	if err != nil {
		t.Fatal(err)
	}
	keys.drawn = map[string]bool{} // another process
	if again, _, err := keys.Make(ctx, "name"); err != nil || again != ref {
		t.Errorf("Make again = %s, %v, want %s", again, err, ref)
	}
	edge := &distributedKeys{api: cloudfront.NewFromConfig(w.AWSConfig()), group: w.pub.KeyGroupID}
	id, err := edge.Publish(ctx, "name", public)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := edge.Publish(ctx, "name", public); err != nil || again != id {
		t.Errorf("Publish again = %s, %v, want %s", again, err, id)
	}
	if again, err := edge.find(ctx, "keyfront-name"); err != nil || again != id {
		t.Errorf("find = %s, %v, want %s", again, err, id)
	}
	if serving, err := edge.Serving(ctx, id); err != nil || serving {
		t.Errorf("Serving before its admission = %v, %v", serving, err)
	}
	for _, step := range []struct {
		name string
		do   func() error
		keys int
	}{
		{"Admit", func() error { return edge.Admit(ctx, id) }, 2},
		{"Expel", func() error { return edge.Expel(ctx, id) }, 1},
		{"Forget", func() error { return edge.Forget(ctx, id) }, 1},
		{"Destroy", func() error { return keys.Destroy(ctx, ref) }, 1},
	} {
		for range 2 {
			if err := step.do(); err != nil || len(w.group()) != step.keys {
				t.Errorf("%s = %v, key group %v", step.name, err, w.group())
			}
		}
	}
}
