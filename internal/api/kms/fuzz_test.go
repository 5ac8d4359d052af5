package kms_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/keyfront-project/keyfront/internal/api/kms"
)

// No body makes any operation fail on our side.
func FuzzServe(f *testing.F) {
	w := newWorld(f)
	w.create(f, "key", "SYMMETRIC_DEFAULT", "")
	id := w.names["key"]
	names := kms.OperationNames()
	slices.Sort(names)
	for _, body := range []string{
		"", "{", "[]", `{"KeyId":"` + id + `"}`, `{"KeyId":"` + id + `","Plaintext":"eA==","EncryptionContext":{"a":"b"}}`,
		`{"KeyId":"` + id + `","NumberOfBytes":32,"DryRun":true}`, `{"CiphertextBlob":"AQA="}`, `{"AliasName":"alias/a","TargetKeyId":"` + id + `"}`,
		`{"KeyId":"` + id + `","Tags":[{"TagKey":"a","TagValue":"b"}],"TagKeys":["a"],"Limit":1,"Marker":"x"}`,
		`{"KeyId":"` + id + `","Policy":"{}","PolicyName":"default"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, name := range names {
			rec := w.post(caller(), http.MethodPost, "/", "TrentService."+name, body)
			if rec.Code != 200 && rec.Code != 400 {
				t.Errorf("%s %q = %d %s", name, body, rec.Code, rec.Body)
			}
		}
	})
}
