package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cft "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
	"github.com/keyfront-project/keyfront/keyfronttest"
)

// valuesClient is the SDK's client, which signs with Signature Version 4A for
// ACCOUNT.cloudfront-kvs.global.api.aws. Every host is the server.
func valuesClient(srv *keyfronttest.Server, edit ...func(*aws.Config)) *cloudfrontkeyvaluestore.Client {
	cfg := srv.AWSConfig()
	for _, e := range edit {
		e(&cfg)
	}
	return cloudfrontkeyvaluestore.NewFromConfig(cfg, func(o *cloudfrontkeyvaluestore.Options) {
		o.BaseEndpoint = aws.String("http://cloudfront-kvs.global.api.aws")
		o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, strings.TrimPrefix(srv.APIURL, "http://"))
		}}}
	})
}

// wantCode wants err to be the service's error of that name.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("error = %v, want %s", err, code)
	}
}

func TestKeyValueStoreBySDK(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx := t.Context()
	cf := cloudfront.NewFromConfig(srv.AWSConfig())
	kv := valuesClient(srv)
	objects := s3.NewFromConfig(srv.AWSConfig(), func(o *s3.Options) { o.UsePathStyle = true })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	_, err := objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("seeds")})
	must(err)
	put := func(key, text string) *cft.ImportSource {
		t.Helper()
		_, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("seeds"), Key: &key, Body: strings.NewReader(text)})
		must(err)
		return &cft.ImportSource{SourceType: cft.ImportSourceTypeS3, SourceARN: aws.String("arn:aws:s3:::seeds/" + key)}
	}
	good := put("a/pairs.json", `{"data":[{"key":"/old","value":"/new"},{"key":"größe","value":"1"}]}`)
	made, err := cf.CreateKeyValueStore(ctx, &cloudfront.CreateKeyValueStoreInput{Name: aws.String("redirects"), Comment: aws.String("c"), ImportSource: good})
	must(err)
	arn := *made.KeyValueStore.ARN
	if want := "arn:aws:cloudfront::" + srv.Account + ":key-value-store/" + *made.KeyValueStore.Id; arn != want || *made.KeyValueStore.Status != "READY" {
		t.Errorf("store %+v, want the ARN %s, ready", made.KeyValueStore, want)
	}
	for code, in := range map[string]*cloudfront.CreateKeyValueStoreInput{
		"EntityAlreadyExists":     {Name: aws.String("redirects")},
		"InvalidArgument":         {Name: aws.String("a b")},
		"EntitySizeLimitExceeded": {Name: aws.String("big"), ImportSource: put("big", strings.Repeat(" ", 5<<20+1))},
	} {
		_, err := cf.CreateKeyValueStore(ctx, in)
		wantCode(t, err, code)
	}
	for _, source := range []*cft.ImportSource{
		put("twice", `{"data":[{"key":"k","value":""},{"key":"k","value":""}]}`),
		{SourceType: cft.ImportSourceTypeS3, SourceARN: aws.String("arn:aws:s3:::seeds/absent")},
		{SourceType: cft.ImportSourceTypeS3, SourceARN: aws.String("arn:aws:s3:::nowhere/pairs.json")},
		{SourceType: cft.ImportSourceTypeS3, SourceARN: aws.String("seeds")},
	} {
		_, err := cf.CreateKeyValueStore(ctx, &cloudfront.CreateKeyValueStoreInput{Name: aws.String("bad"), ImportSource: source})
		wantCode(t, err, "InvalidArgument")
	}
	updated, err := cf.UpdateKeyValueStore(ctx, &cloudfront.UpdateKeyValueStoreInput{Name: aws.String("redirects"), Comment: aws.String("<d>"), IfMatch: made.ETag})
	must(err)
	_, err = cf.UpdateKeyValueStore(ctx, &cloudfront.UpdateKeyValueStoreInput{Name: aws.String("redirects"), Comment: aws.String("e"), IfMatch: made.ETag})
	wantCode(t, err, "PreconditionFailed")
	described, err := cf.DescribeKeyValueStore(ctx, &cloudfront.DescribeKeyValueStoreInput{Name: aws.String("redirects")})
	must(err)
	if *described.ETag != *updated.ETag || *described.KeyValueStore.Comment != "<d>" || *described.KeyValueStore.ARN != arn {
		t.Errorf("after the update %+v", described.KeyValueStore)
	}
	another, err := cf.CreateKeyValueStore(ctx, &cloudfront.CreateKeyValueStoreInput{Name: aws.String("another")})
	must(err)
	if another.KeyValueStore.Comment != nil { // Terraform takes "" for a change
		t.Errorf("the comment that was not given is %q", *another.KeyValueStore.Comment)
	}
	for status, want := range map[string]int{"": 2, "READY": 2, "PROVISIONING": 0} {
		list, err := cf.ListKeyValueStores(ctx, &cloudfront.ListKeyValueStoresInput{Status: aws.String(status)})
		must(err)
		if len(list.KeyValueStoreList.Items) != want || int(*list.KeyValueStoreList.Quantity) != want {
			t.Errorf("stores of status %q: %+v, want %d", status, list.KeyValueStoreList, want)
		}
	}

	// The pairs, by Signature Version 4A.
	d, err := kv.DescribeKeyValueStore(ctx, &cloudfrontkeyvaluestore.DescribeKeyValueStoreInput{KvsARN: &arn})
	must(err)
	if *d.ItemCount != 2 || *d.TotalSizeInBytes != 16 || *d.KvsARN != arn || *d.Status != "READY" || d.LastModified != nil || time.Since(*d.Created) > time.Hour || *d.ETag == *described.ETag {
		t.Errorf("DescribeKeyValueStore = %+v", d)
	}
	odd := "a/b c?ü%2F"
	p, err := kv.PutKey(ctx, &cloudfrontkeyvaluestore.PutKeyInput{KvsARN: &arn, Key: &odd, Value: aws.String(""), IfMatch: d.ETag})
	must(err)
	g, err := kv.GetKey(ctx, &cloudfrontkeyvaluestore.GetKeyInput{KvsARN: &arn, Key: &odd})
	must(err)
	if *g.Key != odd || *g.Value != "" || *g.ItemCount != 3 || *g.TotalSizeInBytes != *p.TotalSizeInBytes {
		t.Errorf("GetKey = %+v", g)
	}
	_, err = kv.PutKey(ctx, &cloudfrontkeyvaluestore.PutKeyInput{KvsARN: &arn, Key: aws.String("k"), Value: aws.String("v"), IfMatch: d.ETag})
	var stale *types.ValidationException
	if !errors.As(err, &stale) || !strings.Contains(stale.ErrorMessage(), "Pre-Condition failed") {
		t.Errorf("PutKey of an old version = %v, want a failed precondition", err)
	}
	u, err := kv.UpdateKeys(ctx, &cloudfrontkeyvaluestore.UpdateKeysInput{
		KvsARN: &arn, IfMatch: p.ETag,
		Puts:    []types.PutKeyRequestListItem{{Key: aws.String("/old"), Value: aws.String("/newer")}},
		Deletes: []types.DeleteKeyRequestListItem{{Key: &odd}},
	})
	must(err)
	gone, err := kv.DeleteKey(ctx, &cloudfrontkeyvaluestore.DeleteKeyInput{KvsARN: &arn, Key: aws.String("größe"), IfMatch: u.ETag})
	must(err)
	if *gone.ItemCount != 1 || *gone.ETag == *u.ETag {
		t.Errorf("DeleteKey = %+v", gone)
	}
	var keys []string
	for pages := cloudfrontkeyvaluestore.NewListKeysPaginator(kv, &cloudfrontkeyvaluestore.ListKeysInput{KvsARN: &arn, MaxResults: aws.Int32(1)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		must(err)
		for _, i := range page.Items {
			keys = append(keys, *i.Key+"="+*i.Value)
		}
	}
	if got := strings.Join(keys, " "); got != "/old=/newer" {
		t.Errorf("ListKeys = %s", got)
	}
	_, err = kv.GetKey(ctx, &cloudfrontkeyvaluestore.GetKeyInput{KvsARN: &arn, Key: aws.String("größe")})
	wantCode(t, err, "ResourceNotFoundException")
	_, err = kv.ListKeys(ctx, &cloudfrontkeyvaluestore.ListKeysInput{KvsARN: &arn, MaxResults: aws.Int32(51)})
	wantCode(t, err, "ValidationException")

	_, err = cf.DeleteKeyValueStore(ctx, &cloudfront.DeleteKeyValueStoreInput{Name: aws.String("redirects"), IfMatch: described.ETag})
	must(err)
	_, err = kv.DescribeKeyValueStore(ctx, &cloudfrontkeyvaluestore.DescribeKeyValueStoreInput{KvsARN: &arn})
	wantCode(t, err, "ResourceNotFoundException")
	_, err = cf.DescribeKeyValueStore(ctx, &cloudfront.DescribeKeyValueStoreInput{Name: aws.String("redirects")})
	wantCode(t, err, "EntityNotFound")
}

// Signature Version 4 is taken too; 4A by a session; neither with a wrong secret,
// and 4A by no other service.
func TestKeyValueStoreSignatures(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx := t.Context()
	made, err := cloudfront.NewFromConfig(srv.AWSConfig()).CreateKeyValueStore(ctx, &cloudfront.CreateKeyValueStoreInput{Name: aws.String("s")})
	if err != nil {
		t.Fatal(err)
	}
	arn := *made.KeyValueStore.ARN

	r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.APIURL+"/key-value-stores/"+strings.ReplaceAll(strings.ReplaceAll(arn, ":", "%3A"), "/", "%2F"), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := srv.Now()
	scope := sigv4.Scope{AccessKeyID: srv.AccessKeyID, Date: at.UTC().Format("20060102"), Region: "us-east-1", Service: "cloudfront-keyvaluestore"}
	signer := sigv4.Signer{Key: sigv4.DeriveKey([]byte(srv.SecretAccessKey), scope), Scope: scope}
	empty := sha256.Sum256(nil)
	if err := signer.Sign(r, hex.EncodeToString(empty[:]), at); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), arn) {
		t.Errorf("with Signature Version 4: %d %s, %v", res.StatusCode, body, err)
	}

	in := &cloudfrontkeyvaluestore.DescribeKeyValueStoreInput{KvsARN: &arn}
	session, err := sts.NewFromConfig(srv.AWSConfig()).GetFederationToken(ctx, &sts.GetFederationTokenInput{
		Name: aws.String("guest"), Policy: aws.String(fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"cloudfront-keyvaluestore:DescribeKeyValueStore","Resource":%q}}`, arn)),
	})
	if err != nil {
		t.Fatal(err)
	}
	guest := valuesClient(srv, func(c *aws.Config) {
		c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			k := session.Credentials
			return aws.Credentials{AccessKeyID: *k.AccessKeyId, SecretAccessKey: *k.SecretAccessKey, SessionToken: *k.SessionToken}, nil
		})
	})
	for range 2 { // derived and kept key
		if _, err := guest.DescribeKeyValueStore(ctx, in); err != nil {
			t.Errorf("by a session: %v", err)
		}
	}
	_, err = guest.GetKey(ctx, &cloudfrontkeyvaluestore.GetKeyInput{KvsARN: &arn, Key: aws.String("k")})
	wantCode(t, err, "AccessDeniedException")
	wrong := valuesClient(srv, func(c *aws.Config) {
		c.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: srv.AccessKeyID, SecretAccessKey: "wrong"}, nil
		})
	})
	_, err = wrong.DescribeKeyValueStore(ctx, in)
	wantCode(t, err, "InvalidSignatureException")
}
