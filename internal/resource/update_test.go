package resource_test

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/resource"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// one is a template of one resource R, whose Ref is the output Ref.
func one(kind string, properties map[string]any) string {
	text, err := json.Marshal(map[string]any{
		"Resources": map[string]any{"R": map[string]any{"Type": kind, "Properties": properties}},
		"Outputs":   map[string]any{"Ref": map[string]any{"Value": map[string]any{"Ref": "R"}}},
	})
	if err != nil {
		panic(err) // texts and numbers only
	}
	return string(text)
}

func with(properties map[string]any, name string, value any) map[string]any {
	m := maps.Clone(properties)
	m[name] = value
	return m
}

var anyTrust = map[string]any{"Version": "2012-10-17", "Statement": map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": "lambda.amazonaws.com"}}}

// An update to properties that are refused leaves the stack as it was, and not stuck
// half way back.
func TestRefusedUpdateIsTakenBack(t *testing.T) {
	none := map[string]any{"Version": "2012-10-17", "Statement": map[string]any{"Effect": "Deny", "Action": "*", "Resource": "*"}}
	for kind, properties := range map[string]map[string]any{
		"AWS::KMS::Key":                  {"Description": "d"},
		"AWS::S3::Bucket":                {"BucketName": "films"},
		"AWS::IAM::Role":                 {"AssumeRolePolicyDocument": anyTrust},
		"AWS::IAM::User":                 {"UserName": "u"},
		"AWS::IAM::Group":                {"GroupName": "g"},
		"AWS::IAM::ManagedPolicy":        {"PolicyDocument": none},
		"AWS::IAM::InstanceProfile":      {"Roles": []string{}},
		"AWS::SecretsManager::Secret":    {"SecretString": "x"},
		"AWS::CloudFront::KeyValueStore": {"Name": "s"},
		"AWS::CloudFront::Function": {
			"Name": "f", "AutoPublish": true, "FunctionCode": "function handler(e) { return e }", "FunctionConfig": map[string]any{"Comment": "", "Runtime": "cloudfront-js-2.0"},
		},
		"AWS::Lambda::Function": {
			"Role": "arn:aws:iam::111122223333:role/r", "Handler": "index.handler", "Runtime": "nodejs22.x", "Code": map[string]any{"ZipFile": "exports.handler = async () => 1"},
		},
		"AWS::CloudTrail::Trail": {"S3BucketName": "logs", "IsLogging": true},
	} {
		t.Run(kind, func(t *testing.T) {
			w := open(t)
			before := w.deploy(one(kind, properties), stack.CreateComplete)
			after := w.deploy(one(kind, with(properties, "Nonsense", "x")), stack.UpdateRollbackComplete)
			w.wantReason("unsupported property Nonsense")
			if !maps.Equal(before, after) {
				t.Errorf("outputs %v, want %v", after, before)
			}
			w.remove()
		})
	}
}

// Nothing in a template takes another key in the place of one: what that encrypted
// would be lost with it.
func TestKeyStays(t *testing.T) {
	primary := map[string]any{"MultiRegion": true, "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}
	for _, tt := range []struct {
		property string
		value    any
	}{{"KeySpec", "RSA_3072"}, {"KeyUsage", "ENCRYPT_DECRYPT"}, {"Origin", "EXTERNAL"}, {"MultiRegion", false}} {
		w := open(t)
		key := w.deploy(one("AWS::KMS::Key", primary), stack.CreateComplete)["Ref"]
		out := w.deploy(one("AWS::KMS::Key", with(primary, tt.property, tt.value)), stack.UpdateRollbackComplete)
		w.wantReason("You cannot change the value of the " + tt.property + " property")
		m, err := w.Keys.Describe(t.Context(), w.root(), keyring.Use{Key: key})
		if err != nil || m.State != keyring.Enabled || out["Ref"] != key {
			t.Errorf("%s: the key is %q in state %q, %v; Ref is %q", tt.property, m.ID, m.State, err, out["Ref"])
		}
		// What says the same in other words is no change.
		w.deploy(one("AWS::KMS::Key", with(with(primary, "Origin", "AWS_KMS"), "Description", "d")), stack.UpdateComplete)
	}
}

// A policy that a bucket has already is somebody else's.
func TestBucketPolicyOfOthers(t *testing.T) {
	const theirs = `{"Version":"2012-10-17","Statement":{"Sid":"theirs","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::films/*"}}`
	w := open(t)
	who := bucket.Caller{Caller: w.root()}
	if _, err := w.Buckets.CreateBucket(t.Context(), who, bucket.NewBucket{Name: "films"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Buckets.SetPolicy(t.Context(), who, "films", theirs); err != nil {
		t.Fatal(err)
	}
	ours := map[string]any{"Bucket": "films", "PolicyDocument": map[string]any{
		"Version": "2012-10-17", "Statement": map[string]any{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::films/*"},
	}}
	w.deploy(one("AWS::S3::BucketPolicy", ours), stack.RollbackComplete)
	w.wantReason("already exists on bucket films")
	w.remove()
	if got, err := w.Buckets.Policy(t.Context(), who, "films"); got != theirs {
		t.Errorf("the bucket's policy is %q, %v, want the one that it had", got, err)
	}
	if err := w.Buckets.DeletePolicy(t.Context(), who, "films"); err != nil {
		t.Fatal(err)
	}
	w.deploy(one("AWS::S3::BucketPolicy", ours), stack.CreateComplete)
}

// What a template says no more of a bucket is as the bucket was made.
func TestBucketSettingsGo(t *testing.T) {
	w := open(t)
	who := bucket.Caller{Caller: w.root()}
	bare := map[string]any{"BucketName": "films"}
	open := with(bare, "PublicAccessBlockConfiguration", map[string]any{"BlockPublicAcls": false})
	w.deploy(one("AWS::S3::Bucket", open), stack.CreateComplete)
	if p, err := w.Buckets.PublicAccessBlock(t.Context(), who, "films"); err != nil || p != (bucket.PublicAccessBlock{}) {
		t.Fatalf("PublicAccessBlock = %+v, %v, want none", p, err)
	}
	w.deploy(one("AWS::S3::Bucket", bare), stack.UpdateComplete)
	if p, err := w.Buckets.PublicAccessBlock(t.Context(), who, "films"); err != nil || p != (bucket.PublicAccessBlock{BlockPublicACLs: true, IgnorePublicACLs: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}) {
		t.Errorf("PublicAccessBlock = %+v, %v, want that of a new bucket", p, err)
	}
	w.deploy(one("AWS::S3::Bucket", with(bare, "BucketEncryption", map[string]any{"ServerSideEncryptionConfiguration": []any{
		map[string]any{"BlockedEncryptionTypes": map[string]any{"EncryptionType": []string{"SSE-KMS"}}},
	}})), stack.UpdateRollbackComplete)
	w.wantReason("BlockedEncryptionTypes.EncryptionType must be one of")
}

// Users and groups move to another path; a role is made anew.
func TestPath(t *testing.T) {
	for kind, name := range map[string]string{"User": "UserName", "Group": "GroupName"} {
		w := open(t)
		at := func(path string) string {
			return one("AWS::IAM::"+kind, map[string]any{name: "jo", "Path": path})
		}
		w.deploy(at("/a/"), stack.CreateComplete)
		w.deploy(at("/b/"), stack.UpdateComplete)
		var arn string
		if kind == "User" {
			u, err := w.Identity.User(t.Context(), w.root(), "jo")
			if err != nil {
				t.Fatal(err)
			}
			arn = u.ARN()
		} else {
			g, _, err := w.Identity.Group(t.Context(), w.root(), "jo", identity.Page{Max: 1})
			if err != nil {
				t.Fatal(err)
			}
			arn = g.ARN()
		}
		if want := "/b/jo"; arn[len(arn)-len(want):] != want {
			t.Errorf("%s is %s, want it at /b/", kind, arn)
		}
		w.remove()
	}
}

// What a store was made from cannot change; that an update failed at it is taken
// back all the same.
func TestImportSourceIsTakenBack(t *testing.T) {
	w := open(t)
	w.deploy(one("AWS::CloudFront::KeyValueStore", map[string]any{"Name": "s"}), stack.CreateComplete)
	from := func(key string) map[string]any {
		return map[string]any{"Name": "s", "ImportSource": map[string]any{"SourceType": "S3", "SourceArn": "arn:aws:s3:::films/" + key}}
	}
	p := resource.Providers(w.Services)["AWS::CloudFront::KeyValueStore"]
	task := stack.Task{Who: w.root(), Stack: "s", Logical: "R", Physical: "s", Properties: from("b"), Before: from("a")}
	if _, err := p.Update(t.Context(), &task); err == nil {
		t.Error("the ImportSource was changed")
	}
	task.Properties, task.Before, task.Undo = task.Before, task.Properties, true
	if _, err := p.Update(t.Context(), &task); err != nil {
		t.Errorf("taking it back = %v", err)
	}
}
