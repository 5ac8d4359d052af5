package keyring_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

const elsewhere = "us-west-2"

// there is root in another region.
func there() access.Caller {
	who := root()
	who.Region = elsewhere
	return who
}

// replicated is a multi-Region key and its replica elsewhere.
func replicated(t testing.TB, r *keyring.Ring, in keyring.CreateInput) (primary, replica keyring.Metadata) {
	t.Helper()
	in.MultiRegion = true
	primary = must[keyring.Metadata](t)(r.Create(t.Context(), root(), in))
	out := must[keyring.Replica](t)(r.Replicate(t.Context(), root(), keyring.ReplicaInput{Key: primary.ARN, Region: elsewhere}))
	if out.State != keyring.Creating || out.MaterialID != "" || out.Policy != keyring.DefaultPolicy(account) {
		t.Errorf("Replicate = %+v", out)
	}
	return describe(t, r, root(), primary.ID), describe(t, r, there(), primary.ID)
}

func describe(t testing.TB, r *keyring.Ring, who access.Caller, id keyring.KeyID) keyring.Metadata {
	t.Helper()
	return must[keyring.Metadata](t)(r.Describe(t.Context(), who, keyring.Use{Key: string(id)}))
}

// What one related key encrypts or signs, the other opens or verifies, on every
// node and after rotations.
func TestMultiRegion(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	primary, replica := replicated(t, r, keyring.CreateInput{Description: "d", Tags: tags(1)})
	if !strings.HasPrefix(string(primary.ID), "mrk-") || primary.ID != replica.ID || primary.MaterialID != replica.MaterialID ||
		replica.Description != "" || replica.State != keyring.Enabled || replica.ARN != strings.Replace(primary.ARN, region, elsewhere, 1) {
		t.Errorf("primary %+v\nreplica %+v", primary, replica)
	}
	for _, m := range []keyring.Metadata{primary, replica} {
		if m.Multi.Primary.ARN != primary.ARN || len(m.Multi.Replicas) != 1 || m.Multi.Replicas[0].ARN != replica.ARN {
			t.Errorf("%s: %+v", m.ARN, m.Multi)
		}
	}
	var blobs [][]byte
	for range 2 {
		for _, who := range []access.Caller{root(), there()} {
			blobs = append(blobs, must[keyring.Encrypted](t)(r.Encrypt(t.Context(), who, keyring.Use{Key: string(primary.ID)}, []byte("x"))).Blob)
		}
		if _, err := r.RotateNow(t.Context(), root(), primary.ARN); err != nil {
			t.Fatal(err)
		}
	}
	for _, ring := range []*keyring.Ring{r, w.open()} {
		for _, who := range []access.Caller{root(), there()} {
			for i, blob := range blobs {
				opened, err := ring.Decrypt(t.Context(), who, keyring.Use{}, blob)
				if err != nil || string(opened.Plaintext) != "x" || !strings.Contains(opened.KeyARN, who.Region) {
					t.Errorf("Decrypt %d in %s = %+v, %v", i, who.Region, opened, err)
				}
			}
		}
	}
	if a, b := describe(t, r, root(), primary.ID).MaterialID, describe(t, r, there(), primary.ID).MaterialID; a != b || a == primary.MaterialID {
		t.Errorf("after rotations the materials are %s and %s", a, b)
	}
	// Independent of each other: states, aliases, policies.
	if err := r.Disable(t.Context(), there(), string(primary.ID)); err != nil {
		t.Fatal(err)
	}
	if s := describe(t, r, root(), primary.ID).State; s != keyring.Enabled {
		t.Errorf("disabling the replica made the primary %s", s)
	}
	_, err := r.RotateNow(t.Context(), there(), string(primary.ID))
	wantError(t, "RotateNow of a disabled replica", err, keyring.ErrDisabled, replica.ARN+" is disabled.")

	signing, _ := replicated(t, r, keyring.CreateInput{Spec: keyring.P256, Usage: keyring.SignVerify})
	use := keyring.Use{Key: string(signing.ID), Algorithm: keyring.AlgECDSASHA256}
	signed := must[keyring.Signed](t)(r.Sign(t.Context(), root(), use, keyring.Raw, []byte("m")))
	if _, err := w.open().Verify(t.Context(), there(), use, keyring.Raw, []byte("m"), signed.Signature); err != nil {
		t.Errorf("Verify elsewhere = %v", err)
	}
}

func TestMultiRegionPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.open()
		run(t, r)
		primary, replica := replicated(t, r, keyring.CreateInput{})
		id := string(primary.ID)
		if err := r.EnableRotation(t.Context(), root(), id, 100); err != nil {
			t.Fatal(err)
		}
		err := r.EnableRotation(t.Context(), there(), id, 100)
		wantError(t, "EnableRotation of a replica", err, keyring.ErrUnsupported, replica.ARN+" is not a multi-region primary key.")
		if s := must[keyring.RotationStatus](t)(r.RotationStatus(t.Context(), there(), id)); !s.Enabled || s.Days != 100 || s.KeyARN != replica.ARN {
			t.Errorf("RotationStatus of the replica = %+v", s)
		}
		if err := r.SetPrimary(t.Context(), root(), id, elsewhere); err != nil {
			t.Fatal(err)
		}
		err = r.SetPrimary(t.Context(), root(), id, elsewhere)
		wantError(t, "SetPrimary again", err, keyring.ErrUnsupported, primary.ARN+" is not a multi-region primary key.")
		for _, who := range []access.Caller{root(), there()} {
			m := describe(t, r, who, primary.ID)
			if m.Multi.Primary.Region != elsewhere || len(m.Multi.Replicas) != 1 || m.Multi.Replicas[0].Region != region {
				t.Errorf("in %s: %+v", who.Region, m.Multi)
			}
		}
		// The rotation went along, and replaces the material of both.
		w.clock.Advance(101 * day)
		synctest.Wait()
		if a, b := describe(t, r, root(), primary.ID).MaterialID, describe(t, r, there(), primary.ID).MaterialID; a != b || a == primary.MaterialID {
			t.Errorf("after a rotation the materials are %s and %s", a, b)
		}
	})
}

// A primary key waits for its replicas, and they leave no trace.
func TestMultiRegionDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.open()
		run(t, r)
		primary, _ := replicated(t, r, keyring.CreateInput{})
		id := string(primary.ID)
		out := must[keyring.Deletion](t)(r.ScheduleDeletion(t.Context(), root(), id, 10))
		if out.State != keyring.PendingReplicaDeletion || !out.At.IsZero() || out.Days != 10 {
			t.Errorf("ScheduleDeletion = %+v", out)
		}
		w.clock.Advance(20 * day)
		synctest.Wait()
		if m := describe(t, r, root(), primary.ID); m.State != keyring.PendingReplicaDeletion || m.Window != 10 {
			t.Errorf("before the replica is gone: %+v", m)
		}
		must[keyring.Deletion](t)(r.ScheduleDeletion(t.Context(), there(), id, 7))
		w.clock.Advance(8 * day)
		synctest.Wait()
		m := describe(t, r, root(), primary.ID)
		if m.State != keyring.PendingDeletion || m.Deletion.Sub(w.clock.Now()) < 9*day || len(m.Multi.Replicas) != 0 {
			t.Errorf("after the replica is gone: %+v", m)
		}
		w.clock.Advance(11 * day)
		synctest.Wait()
		if n := mentions(t, w.records, primary.ID); n != 0 {
			t.Errorf("%d records are left", n)
		}
	})
}

// Imported material is imported into each region, and rotated when it is there.
func TestMultiRegionImport(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	first, second := make([]byte, 32), bytes.Repeat([]byte{2}, 32)
	primary := must[keyring.Metadata](t)(r.Create(t.Context(), root(), keyring.CreateInput{MultiRegion: true, Origin: keyring.External}))
	id := string(primary.ID)
	load := func(who access.Caller, material []byte, kind keyring.ImportType) error {
		t.Helper()
		p := must[keyring.ImportParameters](t)(r.ParametersForImport(t.Context(), who, id, oaep256, keyring.RSA2048))
		_, err := r.ImportMaterial(t.Context(), who, keyring.ImportInput{
			Key: id, Token: p.Token, Wrapped: wrapFor(t, p, oaep256, material), Model: keyring.DoesNotExpire, Type: kind,
		})
		return err
	}
	if err := load(root(), first, ""); err != nil {
		t.Fatal(err)
	}
	must[keyring.Replica](t)(r.Replicate(t.Context(), root(), keyring.ReplicaInput{Key: id, Region: elsewhere}))
	if m := describe(t, r, there(), primary.ID); m.State != keyring.PendingImport {
		t.Errorf("the replica is %s", m.State)
	}
	if err := load(there(), second, ""); !errors.Is(err, keyring.ErrIncorrectMaterial) {
		t.Errorf("other material in the replica = %v", err)
	}
	if err := load(there(), first, ""); err != nil {
		t.Fatal(err)
	}
	blob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: id}, []byte("x"))).Blob
	must[keyring.Decrypted](t)(r.Decrypt(t.Context(), there(), keyring.Use{}, blob))

	if err := load(there(), second, keyring.NewMaterial); !errors.Is(err, keyring.ErrUnsupported) {
		t.Errorf("new material into the replica first = %v", err)
	}
	if err := load(root(), second, keyring.NewMaterial); err != nil {
		t.Fatal(err)
	}
	if got := rotations(t, r, primary, true); len(got) != 2 || got[1].State != keyring.PendingReplicas {
		t.Errorf("Rotations = %+v", got)
	}
	if _, err := r.RotateNow(t.Context(), root(), id); !errors.Is(err, keyring.ErrInvalidState) {
		t.Errorf("RotateNow before the replica has it = %v", err)
	}
	if err := load(there(), second, ""); err != nil {
		t.Fatal(err)
	}
	if got := rotations(t, r, primary, true); len(got) != 2 || got[1].State != keyring.PendingRotation {
		t.Errorf("Rotations = %+v", got)
	}
	must[string](t)(r.RotateNow(t.Context(), root(), id))
	blob = must[keyring.Encrypted](t)(w.open().Encrypt(t.Context(), there(), keyring.Use{Key: id}, []byte("x"))).Blob
	if opened := must[keyring.Decrypted](t)(r.Decrypt(t.Context(), root(), keyring.Use{}, blob)); opened.MaterialID != describe(t, r, root(), primary.ID).MaterialID {
		t.Errorf("Decrypt used %s, which is not the current material", opened.MaterialID)
	}
}

func TestReplicateNeedsPermission(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := must[keyring.Metadata](t)(r.Create(t.Context(), root(), keyring.CreateInput{MultiRegion: true}))
	only := w.user(account, "only", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:ReplicateKey","Resource":"*"}}`)
	if _, err := r.Replicate(t.Context(), only, keyring.ReplicaInput{Key: m.ARN, Region: elsewhere}); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Replicate without kms:CreateKey = %v", err)
	}
}

// The replica is no resource yet when it is decided about: the tags of its primary
// key say nothing about making it.
func TestReplicateDoesNotLendThePrimarysTags(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	blue := []keyring.Tag{{Key: "team", Value: "blue"}}
	m := must[keyring.Metadata](t)(r.Create(t.Context(), root(), keyring.CreateInput{MultiRegion: true, Tags: blue}))
	for _, action := range []string{"kms:CreateKey", "kms:TagResource"} {
		rest := `"kms:ReplicateKey","kms:CreateKey"`
		if action == "kms:CreateKey" {
			rest = `"kms:ReplicateKey","kms:TagResource"`
		}
		who := w.user(account, action[4:], `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[`+rest+`],"Resource":"*"},
			{"Effect":"Allow","Action":"`+action+`","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}}]}`)
		_, err := r.Replicate(t.Context(), who, keyring.ReplicaInput{Key: m.ARN, Region: elsewhere, Tags: blue})
		if !errors.Is(err, access.ErrDenied) || !strings.Contains(err.Error(), action) {
			t.Errorf("Replicate with %s for blue keys only = %v, want it denied", action, err)
		}
	}
	who := w.user(account, "request", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*",
		"Condition":{"StringEquals":{"aws:RequestTag/team":"blue","kms:ReplicaRegion":"`+elsewhere+`"}}}]}`)
	if _, err := r.Replicate(t.Context(), who, keyring.ReplicaInput{Key: m.ARN, Region: elsewhere, Tags: blue}); err != nil {
		t.Errorf("Replicate with what the request says = %v", err)
	}
}
