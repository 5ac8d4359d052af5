package identity_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/store"
)

// storedUses counts the last uses in the store.
func (w *world) storedUses(t *testing.T) (n int) {
	t.Helper()
	err := w.records.View(t.Context(), func(tx store.Reader) error {
		n = 0
		for _, err := range tx.Scan("iam.last-used", store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLastUse(t *testing.T) {
	w := newWorld(t)
	ctx, root := t.Context(), rootCaller()
	alice, role := w.user(t, "alice"), w.role(t, "r")
	key, _, _, err := w.admin.CreateAccessKey(ctx, root, "alice", "")
	if err != nil {
		t.Fatal(err)
	}
	session, err := w.admin.AssumeRole(ctx, w.caller(alice), identity.AssumeRole{Role: role.ARN(), Session: "job"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ id, token string }{{key.ID, ""}, {session.ID, session.SessionToken}} {
		credential, err := w.service.Lookup(c.id, c.token, now)
		if err != nil {
			t.Fatal(err)
		}
		w.service.Used(credential, "kms", "eu-west-1", now)
	}

	// What does not reach the store at once, does later.
	broken, cancel := context.WithCancel(ctx)
	cancel()
	if err := w.service.FlushUses(broken); !errors.Is(err, context.Canceled) {
		t.Fatalf("flush with a store that fails: %v", err)
	}
	if err := w.service.FlushUses(ctx); err != nil || w.storedUses(t) != 2 {
		t.Errorf("flush: %v, %d uses are stored, want 2", err, w.storedUses(t))
	}
	again := node(t, w.records)
	want := identity.Use{At: now, Region: "eu-west-1", Service: "kms"}
	if user, use, err := again.admin.AccessKeyUse(ctx, root, key.ID); err != nil || user != "alice" || !use.At.Equal(want.At) || use.Service != want.Service || use.Region != want.Region {
		t.Errorf("after a restart, the key of %s was last used %+v, %v, want %+v", user, use, err, want)
	}
	if use := again.service.RoleUse(role); !use.At.Equal(now) {
		t.Errorf("after a restart, the role was last used at %v", use.At)
	}

	// A use within the minute costs nothing.
	credential, err := w.service.Lookup(key.ID, "", now)
	if err != nil {
		t.Fatal(err)
	}
	w.service.Used(credential, "kms", "us-east-1", now.Add(59*time.Second))
	if _, use, err := w.admin.AccessKeyUse(ctx, root, key.ID); err != nil || use.Region != "eu-west-1" {
		t.Errorf("last use %+v, %v, want the first of the minute", use, err)
	}

	// What is gone leaves nothing behind.
	if err := w.admin.DeleteAccessKey(ctx, root, "alice", key.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.admin.DeleteRole(ctx, root, "r"); err != nil {
		t.Fatal(err)
	}
	if err := w.service.FlushUses(ctx); err != nil || w.storedUses(t) != 0 {
		t.Errorf("flush: %v, %d uses are stored after their owners' end", err, w.storedUses(t))
	}
}
