package trail_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/trail"
)

const (
	keyARN = "arn:aws:kms:us-east-1:111122223333:key/1"
	other  = "arn:aws:kms:us-east-1:444455556666:key/2"
)

// vaultKeys are the keys that trails may name, or what is wrong with them.
type vaultKeys struct{ asked []string }

func (k *vaultKeys) NewDataKey(_ context.Context, who access.Caller, ref string, bind map[string]string) (key sealed.Secret, wrapped []byte, arn string, err error) {
	k.asked = append(k.asked, ref)
	want := map[string]string{"aws:cloudtrail:arn": trailARN, "aws:s3:arn": "arn:aws:s3:::logs/AWSLogs/111122223333/"}
	if who.Principal.Service != "cloudtrail.amazonaws.com" || who.SourceARN != trailARN || who.Via != "s3.us-east-1.amazonaws.com" || !maps.Equal(bind, want) {
		return key, nil, "", errors.New("asked by somebody else")
	}
	switch ref {
	case keyARN, "arn:aws:kms:us-east-1:111122223333:alias/trail":
		return sealed.RandomSecret(sealed.KeyBytes), []byte("wrapped"), keyARN, nil
	case other:
		return key, nil, "", &access.Denied{Message: "no"}
	case "arn:aws:kms:us-east-1:111122223333:alias/disabled":
		return key, nil, "", keyring.ErrDisabled
	case "arn:aws:kms:us-east-1:111122223333:alias/rsa":
		return key, nil, "", keyring.ErrUsage
	}
	return key, nil, "", keyring.ErrNotFound
}

// A trail is not made with a key that it could not use, and names it by its ARN.
func TestTheKeyOfATrail(t *testing.T) {
	tests := []struct {
		key  string
		want error
	}{
		{"alias/trail", nil},
		{keyARN, nil},
		{"1", nil},
		{"alias/none", trail.ErrKeyNotFound},
		{"arn:aws:kms:eu-west-1:111122223333:key/1", trail.ErrKeyNotFound},
		{other, trail.ErrKeyPolicy},
		{"alias/disabled", trail.ErrKey},
		{"alias/rsa", trail.ErrKey},
		{"arn:aws:s3:::logs", trail.ErrKeyID},
		{"arn:nonsense", trail.ErrKeyID},
	}
	for _, tt := range tests {
		t.Run(tt.key, func(t *testing.T) {
			w := newWorld(t)
			made, err := w.trails.CreateTrail(t.Context(), w.root(), "audit", trail.Settings{Bucket: "logs", Key: tt.key}, nil)
			if !errors.Is(err, tt.want) || err == nil && made.Key != keyARN {
				t.Errorf("CreateTrail with key %q, %v, want %v", made.Key, err, tt.want)
			}
			if err == nil {
				return
			}
			w.create(trail.Settings{})
			if _, err := w.trails.UpdateTrail(t.Context(), w.root(), "audit", trail.Change{Key: &tt.key}); !errors.Is(err, tt.want) {
				t.Errorf("UpdateTrail: %v, want %v", err, tt.want)
			}
			if made, err := w.trails.GetTrail(t.Context(), w.root(), "audit"); err != nil || made.Key != "" {
				t.Errorf("GetTrail = %+v, %v, want no key", made, err)
			}
		})
	}
}

// A key that is kept has to be where the bucket moves to.
func TestTheKeyOfATrailWhoseBucketMoves(t *testing.T) {
	w := newWorld(t)
	if _, err := w.trails.CreateTrail(t.Context(), w.root(), "audit", trail.Settings{Bucket: "logs", Key: keyARN}, nil); err != nil {
		t.Fatal(err)
	}
	w.shelf.policy = strings.ReplaceAll(openPolicy, "logs", "far")
	far, none := "far", ""
	if _, err := w.trails.UpdateTrail(t.Context(), w.root(), "audit", trail.Change{Bucket: &far}); !errors.Is(err, trail.ErrKeyNotFound) {
		t.Errorf("UpdateTrail to a bucket in another region: %v, want %v", err, trail.ErrKeyNotFound)
	}
	if made, err := w.trails.UpdateTrail(t.Context(), w.root(), "audit", trail.Change{Bucket: &far, Key: &none}); err != nil || made.Bucket != far {
		t.Errorf("UpdateTrail without the key = %+v, %v", made, err)
	}
}

// Log files go under the key, with the trail in the encryption context; digests,
// which anybody is to check, do not. A key that is kept is not asked again.
func TestDeliveriesUnderAKey(t *testing.T) {
	w := newWorld(t)
	w.create(trail.Settings{Validation: true})
	name := "alias/trail"
	if made, err := w.trails.UpdateTrail(t.Context(), w.root(), "audit", trail.Change{Key: &name}); err != nil || made.Key != keyARN {
		t.Fatalf("UpdateTrail = %+v, %v", made, err)
	}
	if made, err := w.trails.UpdateTrail(t.Context(), w.root(), "audit", trail.Change{}); err != nil || made.Key != keyARN {
		t.Fatalf("UpdateTrail = %+v, %v", made, err)
	}
	if len(w.keys.asked) != 1 {
		t.Errorf("asked for %v, want one key once", w.keys.asked)
	}
	w.call("kms:One", "us-east-1")
	w.deliver()
	for _, k := range w.shelf.keys("") {
		e := w.shelf.objects[k].Encryption
		if logs := len(w.shelf.keys("/CloudTrail/")) == 1 && k == w.shelf.keys("/CloudTrail/")[0]; logs {
			if e.Algorithm != bucket.KMSManaged || e.Key != keyARN || e.Context["aws:cloudtrail:arn"] != trailARN {
				t.Errorf("%s is encrypted as %+v", k, e)
			}
		} else if e.Algorithm != bucket.S3Managed {
			t.Errorf("%s is encrypted as %+v, want SSE-S3", k, e)
		}
	}
	none := ""
	if made, err := w.trails.UpdateTrail(t.Context(), w.root(), "audit", trail.Change{Key: &none}); err != nil || made.Key != "" {
		t.Errorf("UpdateTrail = %+v, %v, want no key", made, err)
	}
}
