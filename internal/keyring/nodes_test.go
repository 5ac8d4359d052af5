package keyring_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

// Two nodes that are asked for a key of one id make one key: the second must not
// put new material in place of that under which the first encrypted.
func TestCreateWithIDOnTwoNodes(t *testing.T) {
	w := newWorld(t)
	a, b := w.open(), w.open()
	in := keyring.CreateInput{ID: unknownID}
	m := must[keyring.Metadata](t)(a.Create(t.Context(), root(), in))
	blob := must[keyring.Encrypted](t)(a.Encrypt(t.Context(), root(), keyring.Use{Key: m.ARN}, []byte("x"))).Blob
	if _, err := b.Create(t.Context(), root(), in); !errors.Is(err, keyring.ErrExists) {
		t.Errorf("Create on a node that has not seen the key = %v, want ErrExists", err)
	}
	if _, err := w.open().Decrypt(t.Context(), root(), keyring.Use{}, blob); err != nil {
		t.Errorf("Decrypt of what the first node encrypted = %v", err)
	}
	in.ID = "no-key-id"
	if _, err := a.Create(t.Context(), root(), in); !errors.Is(err, keyring.ErrInvalid) {
		t.Errorf("Create of %q = %v, want ErrInvalid", in.ID, err)
	}
}

func TestServiceKeyOnTwoNodes(t *testing.T) {
	w := newWorld(t)
	a, b := w.open(), w.open()
	in := keyring.ServiceKey{ID: serviceKeyID, Spec: keyring.P256, Policy: signerPolicy}
	made := must[string](t)(a.CreateServiceKey(t.Context(), asSigner("arn:profile"), in))
	again, err := b.CreateServiceKey(t.Context(), asSigner("arn:profile"), in)
	if err != nil || again != made {
		t.Errorf("CreateServiceKey on a node that has not seen the key = %s, %v, want %s", again, err, made)
	}
}

// A grant that was revoked while a node slept longer than the journal is gone
// there too, also when it was the key's last.
func TestRevokedWhileAsleep(t *testing.T) {
	w := newWorld(t)
	a := w.open()
	m := create(t, a, keyring.Symmetric, "")
	bob := w.user(account, "bob", "")
	id, _ := grantTo(t, a, m.ARN, bob, "Encrypt")
	b := w.open()
	if !mayEncrypt(b, t, bob, m.ARN, nil) {
		t.Fatal("the grant does not count")
	}
	if err := a.RevokeGrant(t.Context(), root(), m.ARN, id, false); err != nil {
		t.Fatal(err)
	}
	for i := range keyring.JournalLength + 1 {
		if err := a.SetDescription(t.Context(), root(), m.ARN, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := keyring.Refresh(b, t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if mayEncrypt(b, t, bob, m.ARN, nil) {
		t.Error("the revoked grant still counts")
	}
}

// Who may move an alias away from one key may not move it away from another,
// just because a node has not seen yet that it points there.
func TestMoveAliasFromAnUnseenKey(t *testing.T) {
	w := newWorld(t)
	a := w.open()
	first, second, third := create(t, a, keyring.Symmetric, ""), create(t, a, keyring.Symmetric, ""), create(t, a, keyring.Symmetric, "")
	if err := a.CreateAlias(t.Context(), root(), "alias/a", first.ARN); err != nil {
		t.Fatal(err)
	}
	b := w.open()
	bob := w.user(account, "bob", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:UpdateAlias","Resource":"*"},`+
		`{"Effect":"Deny","Action":"kms:UpdateAlias","Resource":"`+second.ARN+`"}]}`)
	if err := a.MoveAlias(t.Context(), root(), "alias/a", second.ARN); err != nil {
		t.Fatal(err)
	}
	if err := b.MoveAlias(t.Context(), bob, "alias/a", third.ARN); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("MoveAlias by a stale view = %v, want ErrNotFound", err)
	}
	if err := keyring.Refresh(b, t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := b.MoveAlias(t.Context(), bob, "alias/a", third.ARN); !errors.Is(err, access.ErrDenied) {
		t.Errorf("MoveAlias = %v, want ErrDenied", err)
	}
	if err := b.MoveAlias(t.Context(), root(), "alias/a", third.ARN); err != nil {
		t.Error(err)
	}
}

// A reader finds an alias at every moment while it moves.
func TestAliasMovesWhole(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	keys := []string{create(t, r, keyring.Symmetric, "").ARN, create(t, r, keyring.Symmetric, "").ARN}
	if err := r.CreateAlias(t.Context(), root(), "alias/a", keys[0]); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := r.Describe(t.Context(), root(), keyring.Use{Key: "alias/a"}); err != nil {
					t.Errorf("Describe while the alias moves = %v", err)
					return
				}
			}
		})
	}
	for i := range 500 {
		if err := r.MoveAlias(t.Context(), root(), "alias/a", keys[(i+1)%2]); err != nil {
			t.Error(err)
		}
	}
	close(done)
	readers.Wait()
}

// What only a primary key can do is refused by the store's word, not by what the
// node has seen.
func TestPrimaryMovedAway(t *testing.T) {
	for name, do := range map[string]func(r *keyring.Ring, t *testing.T, id string) error{
		"Replicate": func(r *keyring.Ring, t *testing.T, id string) error {
			_, err := r.Replicate(t.Context(), root(), keyring.ReplicaInput{Key: id, Region: "ap-south-1"})
			return err
		},
		"EnableRotation": func(r *keyring.Ring, t *testing.T, id string) error {
			return r.EnableRotation(t.Context(), root(), id, 90)
		},
		"DisableRotation": func(r *keyring.Ring, t *testing.T, id string) error {
			return r.DisableRotation(t.Context(), root(), id)
		},
		"RotateNow": func(r *keyring.Ring, t *testing.T, id string) error {
			_, err := r.RotateNow(t.Context(), root(), id)
			return err
		},
	} {
		w := newWorld(t)
		a := w.open()
		primary, replica := replicated(t, a, keyring.CreateInput{})
		b := w.open()
		if err := a.SetPrimary(t.Context(), root(), string(primary.ID), elsewhere); err != nil {
			t.Fatal(err)
		}
		wantError(t, name, do(b, t, string(primary.ID)), keyring.ErrUnsupported, primary.ARN+" is not a multi-region primary key.")
		if m := describe(t, w.open(), there(), primary.ID); m.Multi.Primary.ARN != replica.ARN || m.MaterialID != primary.MaterialID {
			t.Errorf("after %s: %+v", name, m)
		}
	}
}
