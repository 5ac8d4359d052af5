package event_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	keyARN    = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	otherKey  = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	objectARN = "arn:aws:s3:::videos/a b.mp4"
)

func alice() audit.EntryIdentity {
	return audit.EntryIdentity{
		Type: "IAMUser", ARN: "arn:aws:iam::111122223333:user/alice", Account: "111122223333",
		PrincipalID: "AIDAEXAMPLE", Name: "alice", AccessKeyID: "AKIAEXAMPLE",
	}
}

func role() audit.EntryIdentity {
	return audit.EntryIdentity{
		Type: "AssumedRole", ARN: "arn:aws:sts::111122223333:assumed-role/app/run", Account: "111122223333",
		PrincipalID: "AROAEXAMPLE:run", AccessKeyID: "ASIAEXAMPLE", Issuer: "arn:aws:iam::111122223333:role/path/app",
		Since: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC),
	}
}

func entry(who audit.EntryIdentity, action string, resources ...string) *audit.Entry {
	return &audit.Entry{
		Seq: 7, Prev: strings.Repeat("0", 64), Time: time.Date(2026, 11, 22, 1, 2, 3, 4, time.UTC), RequestID: "11111111-2222-4333-8444-555555555555",
		Region: "eu-west-1", Who: who, SourceIP: "192.0.2.7", UserAgent: "aws-cli/2", Action: action, Resources: resources, Decision: "allowed",
	}
}

// cases are one record each; testdata has the events of each, by its name.
func cases() map[string]*audit.Entry {
	all := map[string]*audit.Entry{}
	add := func(name string, e *audit.Entry, change func(*audit.Entry)) {
		if change != nil {
			change(e)
		}
		all[name] = e
	}
	add("encrypt", entry(alice(), "kms:Encrypt", keyARN), func(e *audit.Entry) {
		e.Params = map[string]string{"keyId": "alias/app", "encryptionAlgorithm": "SYMMETRIC_DEFAULT", "response.keyMaterialId": "0123abcd"}
		e.Context = map[string]string{"purpose": "test"}
	})
	add("decrypt-denied", entry(role(), "kms:Decrypt", keyARN), func(e *audit.Entry) {
		e.Decision, e.Error, e.Message = "denied", "AccessDeniedException", "User: ... is not authorized"
	})
	add("generate-data-key-through-s3", entry(role(), "kms:GenerateDataKey", keyARN), func(e *audit.Entry) {
		e.InvokedBy = "s3.eu-west-1.amazonaws.com"
		e.Params = map[string]string{"keyId": "alias/app", "keySpec": "AES_256"}
		e.Context = map[string]string{"aws:s3:arn": objectARN}
	})
	add("across-accounts", entry(alice(), "kms:Decrypt", otherKey), nil)
	add("across-accounts-denied", entry(alice(), "kms:Decrypt", otherKey), func(e *audit.Entry) {
		e.Decision, e.Error = "denied", "AccessDeniedException"
	})
	add("create-key", entry(audit.EntryIdentity{
		Type: "Root", ARN: "arn:aws:iam::111122223333:root", Account: "111122223333", PrincipalID: "111122223333", AccessKeyID: "AKIAROOT",
	}, "kms:CreateKey", "*", keyARN), func(e *audit.Entry) {
		e.Params = map[string]string{"keySpec": "RSA_2048", "keyUsage": "SIGN_VERIFY", "origin": "AWS_KMS", "multiRegion": "false", "tags.b": "2", "tags.a": "1"}
	})
	add("create-grant", entry(alice(), "kms:CreateGrant", keyARN), func(e *audit.Entry) {
		e.Params = map[string]string{
			"keyId": keyARN, "granteePrincipal": "arn:aws:iam::111122223333:role/app", "operations": "Decrypt,Encrypt",
			"constraints.EncryptionContextSubset.a.b": "c", "response.grantId": "abcd",
		}
	})
	add("re-encrypt", entry(alice(), "kms:ReEncrypt", keyARN, otherKey), func(e *audit.Entry) {
		e.Params = map[string]string{"destinationKeyId": otherKey, "sourceEncryptionContext.a": "1", "destinationEncryptionContext.b": "2"}
		e.Params["response.sourceKeyMaterialId"], e.Params["response.destinationKeyMaterialId"] = "0123abcd", "4567cdef"
	})
	add("schedule-key-deletion", entry(alice(), "kms:ScheduleKeyDeletion", keyARN), func(e *audit.Entry) {
		e.Params = map[string]string{
			"keyId": keyARN, "pendingWindowInDays": "7", "response.keyState": "PendingDeletion", "response.deletionDate": "2026-11-29T13:02:03Z",
		}
	})
	add("import-key-material", entry(alice(), "kms:ImportKeyMaterial", keyARN), func(e *audit.Entry) {
		e.Params = map[string]string{"keyId": keyARN, "expirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", "response.keyMaterialId": "0123abcd"}
	})
	add("import-key-material-refused", entry(alice(), "kms:ImportKeyMaterial", keyARN), func(e *audit.Entry) {
		e.Params = map[string]string{"keyId": keyARN, "response.keyMaterialId": "0123abcd"}
		e.Error = "IncorrectKeyMaterialException"
	})
	add("rotate-by-schedule", entry(audit.EntryIdentity{Type: "AWSService", ARN: "kms.amazonaws.com", Account: "111122223333"}, "kms:RotateKey", keyARN), nil)
	add("upload-part", entry(alice(), "s3:PutObject", objectARN), func(e *audit.Entry) {
		e.Operation, e.Owner = "UploadPart", "444455556666"
	})
	add("copy-object", entry(alice(), "s3:PutObject", "arn:aws:s3:::films/copy", objectARN), func(e *audit.Entry) {
		e.Operation, e.Params = "CopyObject", map[string]string{"x-amz-copy-source": "videos/a b.mp4"}
	})
	add("copy-in-bucket", entry(alice(), "s3:PutObject", "arn:aws:s3:::videos/copy", objectARN), func(e *audit.Entry) { e.Operation = "UploadPartCopy" })
	add("copy-read", entry(alice(), "s3:GetObject", objectARN), func(e *audit.Entry) { e.Operation = "CopyObject" })
	add("copy-read-refused", entry(alice(), "s3:GetObject", objectARN), func(e *audit.Entry) {
		e.Operation, e.Decision, e.Error = "CopyObject", audit.Denied.String(), "AccessDenied"
	})
	add("copy-read-across-accounts", entry(alice(), "s3:GetObjectVersion", objectARN), func(e *audit.Entry) {
		e.Operation, e.Owner = "UploadPartCopy", "444455556666"
	})
	add("get-object-by-edge", entry(audit.EntryIdentity{
		Type: "AWSService", ARN: "cloudfront.amazonaws.com", AccessKeyID: "ASIAEDGE", SourceARN: "arn:aws:cloudfront::111122223333:distribution/E1",
	}, "s3:GetObject", objectARN), func(e *audit.Entry) { e.Owner = "111122223333" })
	add("get-object-anonymous", entry(audit.EntryIdentity{Type: "Anonymous"}, "s3:GetObject", objectARN), func(e *audit.Entry) { e.Owner = "111122223333" })
	add("nobody-nowhere", entry(audit.EntryIdentity{Type: "Anonymous"}, "s3:ListAllMyBuckets", "*"), nil)
	add("create-access-key", entry(alice(), "iam:CreateAccessKey", "arn:aws:iam::111122223333:user/alice"), func(e *audit.Entry) {
		e.Params = map[string]string{"userName": "alice", "accessKeyId": "AKIANEW"}
	})
	add("assume-role", entry(alice(), "sts:AssumeRole", "arn:aws:iam::111122223333:role/app"), func(e *audit.Entry) {
		e.Params = map[string]string{"roleArn": "arn:aws:iam::111122223333:role/app", "roleSessionName": "run", "sessionAccessKeyId": "ASIANEW"}
	})
	add("federated", entry(role(), "cloudfront:UpdateDistribution", "arn:aws:cloudfront::111122223333:distribution/E1"), func(e *audit.Entry) {
		e.Who.Provider, e.Who.MFA = "arn:aws:iam::111122223333:oidc-provider/idp.example.com", true
	})
	add("refused", entry(alice(), "kms:Encrypt"), func(e *audit.Entry) {
		e.Decision, e.Error, e.Message = "undecided", "ValidationException", "1 validation error detected"
	})
	return all
}

func TestEventsOfRecords(t *testing.T) {
	for name, e := range cases() {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetIndent("", "  ")
			for _, ev := range event.Of(e) {
				if err := enc.Encode(ev); err != nil {
					t.Fatal(err)
				}
			}
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
			for i, line := range gotLines {
				if i >= len(wantLines) || line != wantLines[i] {
					t.Fatalf("line %d = %s, want another; %s has them all", i+1, line, file)
				}
			}
			if len(gotLines) != len(wantLines) {
				t.Errorf("%d lines, want %d", len(gotLines), len(wantLines))
			}
		})
	}
}

func TestSharedEventsDifferInIDOnly(t *testing.T) {
	evs := event.Of(cases()["across-accounts"])
	if len(evs) != 2 || evs[0].SharedEventID == "" || evs[0].SharedEventID != evs[1].SharedEventID || evs[0].ID == evs[1].ID {
		t.Fatalf("events %+v", evs)
	}
	if evs[1].UserIdentity.ARN != "" || evs[1].UserIdentity.AccessKeyID != "" {
		t.Errorf("the owner learns %+v", evs[1].UserIdentity)
	}
}

func TestNamesForLookup(t *testing.T) {
	tests := []struct{ name, user, resource, short string }{
		{"encrypt", "alice", keyARN, "1234abcd-12ab-34cd-56ef-1234567890ab"},
		{"decrypt-denied", "run", keyARN, "1234abcd-12ab-34cd-56ef-1234567890ab"},
		{"create-key", "root", keyARN, "1234abcd-12ab-34cd-56ef-1234567890ab"},
		{"upload-part", "alice", objectARN, objectARN},
		{"create-access-key", "alice", "alice", "alice"},
		{"federated", "run", "E1", "E1"},
		{"get-object-by-edge", "", objectARN, objectARN},
	}
	all := cases()
	for _, tt := range tests {
		ev := event.Of(all[tt.name])[0]
		if got := ev.User(); got != tt.user {
			t.Errorf("%s: user %q, want %q", tt.name, got, tt.user)
		}
		if got := ev.Touched[0]; got.Name() != tt.resource || got.ShortName() != tt.short {
			t.Errorf("%s: resource %q, %q, want %q, %q", tt.name, got.Name(), got.ShortName(), tt.resource, tt.short)
		}
	}
}

// Whatever a client put into a request, its event can be written.
func FuzzEvent(f *testing.F) {
	f.Add("kms:CreateGrant", "constraints..", "x", keyARN, "AssumedRole", "op")
	f.Add("s3:PutObject", "tags.", "", objectARN, "FederatedUser", "CopyObject")
	f.Add("", "operations", ",", "arn:aws:iam::111122223333:", "Root", "")
	f.Fuzz(func(t *testing.T, action, name, value, resource, kind, op string) {
		e := entry(alice(), action, resource)
		e.Who.Type, e.Who.Issuer, e.Operation = kind, value, op
		e.Params = map[string]string{name: value}
		for _, ev := range event.Of(e) {
			if _, err := json.Marshal(ev); err != nil {
				t.Error(err)
			}
			ev.User()
			for _, r := range ev.Touched {
				_, _ = r.Name(), r.ShortName()
			}
		}
	})
}

func BenchmarkOf(b *testing.B) {
	e := cases()["encrypt"]
	b.ReportAllocs()
	for b.Loop() {
		event.Of(e)
	}
}
