package cloudfront_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/api/cloudfront"
)

// supported are the operations that the door has.
var supported = strings.Fields(`
	CreatePublicKey GetPublicKey GetPublicKeyConfig UpdatePublicKey DeletePublicKey ListPublicKeys
	CreateKeyGroup GetKeyGroup GetKeyGroupConfig UpdateKeyGroup DeleteKeyGroup ListKeyGroups ListDistributionsByKeyGroup
	CreateDistribution CreateDistributionWithTags GetDistribution GetDistributionConfig UpdateDistribution DeleteDistribution ListDistributions AssociateAlias ListConflictingAliases
	ListTagsForResource TagResource UntagResource
	CreateOriginAccessControl GetOriginAccessControl GetOriginAccessControlConfig UpdateOriginAccessControl DeleteOriginAccessControl ListOriginAccessControls
	CreateCloudFrontOriginAccessIdentity GetCloudFrontOriginAccessIdentity GetCloudFrontOriginAccessIdentityConfig
	UpdateCloudFrontOriginAccessIdentity DeleteCloudFrontOriginAccessIdentity ListCloudFrontOriginAccessIdentities
	CreateInvalidation GetInvalidation ListInvalidations
	CreateCachePolicy GetCachePolicy GetCachePolicyConfig UpdateCachePolicy DeleteCachePolicy ListCachePolicies ListDistributionsByCachePolicyId
	CreateOriginRequestPolicy GetOriginRequestPolicy GetOriginRequestPolicyConfig UpdateOriginRequestPolicy DeleteOriginRequestPolicy
	ListOriginRequestPolicies ListDistributionsByOriginRequestPolicyId
	CreateResponseHeadersPolicy GetResponseHeadersPolicy GetResponseHeadersPolicyConfig UpdateResponseHeadersPolicy DeleteResponseHeadersPolicy
	ListResponseHeadersPolicies ListDistributionsByResponseHeadersPolicyId
	CreateFunction UpdateFunction TestFunction PublishFunction DescribeFunction GetFunction ListFunctions DeleteFunction
	CreateKeyValueStore DescribeKeyValueStore UpdateKeyValueStore ListKeyValueStores DeleteKeyValueStore`)

// snapshots returns the requests that the AWS SDK for Go makes for every
// operation with every member set, by operation.
func snapshots(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/cloudfront").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "request_snapshot")
	if err != nil {
		t.Skip("the SDK's module is not here: ", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.request.snap"))
	if err != nil || len(files) == 0 {
		t.Skipf("the SDK's module has no request_snapshot: %v", err)
	}
	all := make(map[string]string)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".request.snap")] = string(text)
	}
	return all
}

// bodyOf is the document of a snapshot. The generator gives every list two
// members and every number one, also Quantity.
func bodyOf(text string) string {
	i := strings.Index(text, "\n<")
	if i < 0 {
		return ""
	}
	return strings.ReplaceAll(strings.TrimSpace(text[i:]), "<Quantity>1</Quantity>", "<Quantity>2</Quantity>")
}

// TestSDKRequests sends what the SDK sends: every operation that we have is
// found and understood, every other is refused by name.
func TestSDKRequests(t *testing.T) {
	f := start(t)
	for operation, text := range snapshots(t) {
		head, _, _ := strings.Cut(text, "\n")
		method, path, _ := strings.Cut(strings.TrimSpace(head), " ")
		path = strings.TrimPrefix(path, "/2020-05-31")
		body := bodyOf(text)
		w := f.call(method, path, "If-Match: __IfMatch__", body)
		if w.Code < 400 {
			continue
		}
		code, message := errorOf(t, w)
		if slices.Contains(supported, operation) {
			if code == "UnsupportedOperation" || code == "MalformedInput" || code == "InconsistentQuantities" || code == "InternalError" {
				t.Errorf("%s: %s: %s", operation, code, message)
			}
			continue
		}
		if code != "UnsupportedOperation" || !strings.Contains(message, operation) {
			t.Errorf("%s: %s: %s, want UnsupportedOperation with its name", operation, code, message)
		}
	}
}

// TestEveryMemberEchoes decodes a document with every member of the API model,
// encodes it, and wants every element back.
func TestEveryMemberEchoes(t *testing.T) {
	text, ok := snapshots(t)["CreateDistribution"]
	if !ok {
		t.Skip("no snapshot of CreateDistribution")
	}
	body := bodyOf(text)
	c, err := cloudfront.DecodeDistribution([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	want, got := leaves(t, []byte(body)), leaves(t, cloudfront.EncodeDistribution(&c))
	if len(want) < 150 {
		t.Fatalf("the document has only %d leaves", len(want))
	}
	for path, n := range want {
		if got[path] != n {
			t.Errorf("%s stands %d times, want %d", path, got[path], n)
		}
	}
	for path := range got {
		if want[path] == 0 {
			t.Errorf("%s was made up", path)
		}
	}
}

// leaves counts the elements with text by path and text.
func leaves(t *testing.T, doc []byte) map[string]int {
	t.Helper()
	found := make(map[string]int)
	var path []string
	d := xml.NewDecoder(bytes.NewReader(doc))
	var text string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			path, text = append(path, token.Name.Local), ""
		case xml.CharData:
			text = string(token)
		case xml.EndElement:
			if text != "" {
				found[strings.Join(path, ".")+"="+text]++
			}
			path, text = path[:len(path)-1], ""
		}
	}
}
