package awsjson_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

// codecs decodes and encodes again the input and the output of one operation.
type codecs struct{ input, output func([]byte) ([]byte, error) }

func operation[In, Out any]() codecs { return codecs{again[In](), again[Out]()} }

func again[T any]() func([]byte) ([]byte, error) {
	shape := awsjson.Of[T]()
	return func(body []byte) ([]byte, error) {
		v, err := shape.Decode(body)
		if err != nil {
			return nil, err
		}
		return shape.Append(nil, v), nil
	}
}

var operations = map[string]codecs{
	"CancelKeyDeletion":                   operation[kms.CancelKeyDeletionInput, kms.CancelKeyDeletionOutput](),
	"ConnectCustomKeyStore":               operation[kms.ConnectCustomKeyStoreInput, kms.ConnectCustomKeyStoreOutput](),
	"CreateAlias":                         operation[kms.CreateAliasInput, kms.CreateAliasOutput](),
	"CreateCustomKeyStore":                operation[kms.CreateCustomKeyStoreInput, kms.CreateCustomKeyStoreOutput](),
	"CreateGrant":                         operation[kms.CreateGrantInput, kms.CreateGrantOutput](),
	"CreateKey":                           operation[kms.CreateKeyInput, kms.CreateKeyOutput](),
	"Decapsulate":                         operation[kms.DecapsulateInput, kms.DecapsulateOutput](),
	"Decrypt":                             operation[kms.DecryptInput, kms.DecryptOutput](),
	"DeleteAlias":                         operation[kms.DeleteAliasInput, kms.DeleteAliasOutput](),
	"DeleteCustomKeyStore":                operation[kms.DeleteCustomKeyStoreInput, kms.DeleteCustomKeyStoreOutput](),
	"DeleteImportedKeyMaterial":           operation[kms.DeleteImportedKeyMaterialInput, kms.DeleteImportedKeyMaterialOutput](),
	"DeriveSharedSecret":                  operation[kms.DeriveSharedSecretInput, kms.DeriveSharedSecretOutput](),
	"DescribeCustomKeyStores":             operation[kms.DescribeCustomKeyStoresInput, kms.DescribeCustomKeyStoresOutput](),
	"DescribeKey":                         operation[kms.DescribeKeyInput, kms.DescribeKeyOutput](),
	"DisableKey":                          operation[kms.DisableKeyInput, kms.DisableKeyOutput](),
	"DisableKeyRotation":                  operation[kms.DisableKeyRotationInput, kms.DisableKeyRotationOutput](),
	"DisconnectCustomKeyStore":            operation[kms.DisconnectCustomKeyStoreInput, kms.DisconnectCustomKeyStoreOutput](),
	"EnableKey":                           operation[kms.EnableKeyInput, kms.EnableKeyOutput](),
	"EnableKeyRotation":                   operation[kms.EnableKeyRotationInput, kms.EnableKeyRotationOutput](),
	"Encapsulate":                         operation[kms.EncapsulateInput, kms.EncapsulateOutput](),
	"Encrypt":                             operation[kms.EncryptInput, kms.EncryptOutput](),
	"GenerateDataKey":                     operation[kms.GenerateDataKeyInput, kms.GenerateDataKeyOutput](),
	"GenerateDataKeyPair":                 operation[kms.GenerateDataKeyPairInput, kms.GenerateDataKeyPairOutput](),
	"GenerateDataKeyPairWithoutPlaintext": operation[kms.GenerateDataKeyPairWithoutPlaintextInput, kms.GenerateDataKeyPairWithoutPlaintextOutput](),
	"GenerateDataKeyWithoutPlaintext":     operation[kms.GenerateDataKeyWithoutPlaintextInput, kms.GenerateDataKeyWithoutPlaintextOutput](),
	"GenerateMac":                         operation[kms.GenerateMacInput, kms.GenerateMacOutput](),
	"GenerateRandom":                      operation[kms.GenerateRandomInput, kms.GenerateRandomOutput](),
	"GetKeyLastUsage":                     operation[kms.GetKeyLastUsageInput, kms.GetKeyLastUsageOutput](),
	"GetKeyPolicy":                        operation[kms.GetKeyPolicyInput, kms.GetKeyPolicyOutput](),
	"GetKeyRotationStatus":                operation[kms.GetKeyRotationStatusInput, kms.GetKeyRotationStatusOutput](),
	"GetParametersForImport":              operation[kms.GetParametersForImportInput, kms.GetParametersForImportOutput](),
	"GetPublicKey":                        operation[kms.GetPublicKeyInput, kms.GetPublicKeyOutput](),
	"ImportKeyMaterial":                   operation[kms.ImportKeyMaterialInput, kms.ImportKeyMaterialOutput](),
	"ListAliases":                         operation[kms.ListAliasesInput, kms.ListAliasesOutput](),
	"ListGrants":                          operation[kms.ListGrantsInput, kms.ListGrantsOutput](),
	"ListKeyPolicies":                     operation[kms.ListKeyPoliciesInput, kms.ListKeyPoliciesOutput](),
	"ListKeyRotations":                    operation[kms.ListKeyRotationsInput, kms.ListKeyRotationsOutput](),
	"ListKeys":                            operation[kms.ListKeysInput, kms.ListKeysOutput](),
	"ListResourceTags":                    operation[kms.ListResourceTagsInput, kms.ListResourceTagsOutput](),
	"ListRetirableGrants":                 operation[kms.ListRetirableGrantsInput, kms.ListRetirableGrantsOutput](),
	"PutKeyPolicy":                        operation[kms.PutKeyPolicyInput, kms.PutKeyPolicyOutput](),
	"ReEncrypt":                           operation[kms.ReEncryptInput, kms.ReEncryptOutput](),
	"ReplicateKey":                        operation[kms.ReplicateKeyInput, kms.ReplicateKeyOutput](),
	"RetireGrant":                         operation[kms.RetireGrantInput, kms.RetireGrantOutput](),
	"RevokeGrant":                         operation[kms.RevokeGrantInput, kms.RevokeGrantOutput](),
	"RotateKeyOnDemand":                   operation[kms.RotateKeyOnDemandInput, kms.RotateKeyOnDemandOutput](),
	"ScheduleKeyDeletion":                 operation[kms.ScheduleKeyDeletionInput, kms.ScheduleKeyDeletionOutput](),
	"Sign":                                operation[kms.SignInput, kms.SignOutput](),
	"TagResource":                         operation[kms.TagResourceInput, kms.TagResourceOutput](),
	"UntagResource":                       operation[kms.UntagResourceInput, kms.UntagResourceOutput](),
	"UpdateAlias":                         operation[kms.UpdateAliasInput, kms.UpdateAliasOutput](),
	"UpdateCustomKeyStore":                operation[kms.UpdateCustomKeyStoreInput, kms.UpdateCustomKeyStoreOutput](),
	"UpdateKeyDescription":                operation[kms.UpdateKeyDescriptionInput, kms.UpdateKeyDescriptionOutput](),
	"UpdatePrimaryRegion":                 operation[kms.UpdatePrimaryRegionInput, kms.UpdatePrimaryRegionOutput](),
	"Verify":                              operation[kms.VerifyInput, kms.VerifyOutput](),
	"VerifyMac":                           operation[kms.VerifyMacInput, kms.VerifyMacOutput](),
}

// snapshots reads the golden exchanges that the AWS SDK for Go ships with its
// KMS client. They set every member of every operation.
func snapshots(t *testing.T, folder, suffix string) map[string][]byte {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/kms").Output()
	if err != nil {
		t.Skipf("go list, which knows where the AWS SDK's snapshots are: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), folder, "*"+suffix))
	if err != nil || len(files) == 0 {
		t.Skipf("the AWS SDK's %s is not there", folder)
	}
	bodies := map[string][]byte{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		// A request's first blank line follows its request line, the second its headers.
		parts := bytes.Split(text, []byte("\n\n"))
		bodies[strings.TrimSuffix(filepath.Base(f), suffix)] = parts[len(parts)-1]
	}
	return bodies
}

func TestSnapshots(t *testing.T) {
	requests := snapshots(t, "request_snapshot", ".request.snap")
	responses := snapshots(t, "response_snapshot", ".response.snap")
	if len(requests) < 50 || len(responses) < 50 {
		t.Fatalf("%d request and %d response snapshots, want at least 50 each", len(requests), len(responses))
	}
	for name, c := range operations {
		for _, side := range []struct {
			name  string
			body  []byte
			again func([]byte) ([]byte, error)
		}{{"request", requests[name], c.input}, {"response", responses[name], c.output}} {
			got, err := side.again(side.body)
			if err != nil {
				t.Errorf("%s %s: Decode = %v", name, side.name, err)
				continue
			}
			if !sameJSON(t, got, side.body) {
				t.Errorf("%s %s: encoded again = %s, want %s", name, side.name, got, side.body)
			}
		}
	}
	for name := range requests {
		if _, ok := operations[name]; !ok {
			t.Errorf("the table has no %s", name)
		}
	}
}

func TestErrorSnapshots(t *testing.T) {
	for name, want := range snapshots(t, "response_snapshot", ".error.snap") {
		got := awsjson.ErrorBody{Type: name, Message: "__Message__"}.Append(nil)
		var w, g map[string]any
		if json.Unmarshal(want, &w) != nil || json.Unmarshal(got, &g) != nil {
			t.Errorf("%s: not JSON: %s or %s", name, want, got)
		}
		if g["__type"] != w["__type"] || g["message"] != w["message"] {
			t.Errorf("ErrorBody{%s} = %s, want %s", name, got, want)
		}
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatalf("not JSON: %v: %s", err, a)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatalf("not JSON: %v: %s", err, b)
	}
	return reflect.DeepEqual(x, y)
}

// transport answers each call with the body that it returns.
type transport func(*http.Request) (status int, body []byte)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := f(r)
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {awsjson.ContentType}},
		Body:       readCloser{bytes.NewReader(body)},
		Request:    r,
	}, nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }
