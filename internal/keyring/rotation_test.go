package keyring_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

const day = 24 * time.Hour

// Old ciphertexts open after any number of rotations, on every node.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.open()
		run(t, r)
		m := create(t, r, keyring.Symmetric, "")
		var blobs [][]byte
		encrypt := func() {
			blobs = append(blobs, must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: m.ARN}, []byte("x"))).Blob)
		}
		encrypt()
		if got := must[keyring.RotationStatus](t)(r.RotationStatus(t.Context(), root(), m.ARN)); got != (keyring.RotationStatus{KeyARN: m.ARN}) {
			t.Errorf("RotationStatus before = %+v", got)
		}
		if err := r.EnableRotation(t.Context(), root(), m.ARN, 100); err != nil {
			t.Fatal(err)
		}
		status := must[keyring.RotationStatus](t)(r.RotationStatus(t.Context(), root(), m.ARN))
		if !status.Enabled || status.Days != 100 || status.Next.Sub(w.clock.Now().Add(100*day)).Abs() > time.Second {
			t.Errorf("RotationStatus = %+v", status)
		}
		w.clock.Advance(99 * day)
		synctest.Wait()
		if got := rotations(t, r, m, false); len(got) != 0 {
			t.Errorf("rotated too early: %+v", got)
		}
		w.clock.Advance(2 * day)
		synctest.Wait()
		encrypt()
		if arn := must[string](t)(r.RotateNow(t.Context(), root(), m.ARN)); arn != m.ARN {
			t.Errorf("RotateNow = %s", arn)
		}
		encrypt()
		got := rotations(t, r, m, true)
		if len(got) != 3 || got[0].MaterialID != m.MaterialID || got[0].Kind != "" || !got[0].At.IsZero() ||
			got[1].Kind != keyring.Automatic || got[2].Kind != keyring.OnDemand || got[2].State != keyring.Current || got[1].State != keyring.NonCurrent {
			t.Errorf("Rotations = %+v", got)
		}
		if now := must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: m.ARN})); now.MaterialID != got[2].MaterialID {
			t.Errorf("the current material is %s, want %s", now.MaterialID, got[2].MaterialID)
		}
		for _, ring := range []*keyring.Ring{r, w.open()} {
			for i, blob := range blobs {
				opened, err := ring.Decrypt(t.Context(), root(), keyring.Use{}, blob)
				if err != nil || opened.MaterialID != got[i].MaterialID {
					t.Errorf("ciphertext %d opens with %s, %v, want %s", i, opened.MaterialID, err, got[i].MaterialID)
				}
			}
		}
		events := 0
		for _, rec := range w.recorder.Records() {
			if rec.Action == "kms:RotateKey" && rec.Resources[0] == m.ARN && rec.Error == "" {
				events++
			}
		}
		if events != 1 {
			t.Errorf("%d records of the automatic rotation, want 1", events)
		}

		// A key that is off when it is due is rotated when it is on again, once.
		if err := r.Disable(t.Context(), root(), m.ARN); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(500 * day)
		synctest.Wait()
		if got := rotations(t, r, m, true); len(got) != 3 {
			t.Errorf("a disabled key was rotated: %+v", got)
		}
		if err := r.Enable(t.Context(), root(), m.ARN); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := rotations(t, r, m, true); len(got) != 4 || got[3].Kind != keyring.Automatic {
			t.Errorf("after it was enabled: %+v", got)
		}

		// Pending deletion hides the rotation, and cancelling restores it.
		must[keyring.Deletion](t)(r.ScheduleDeletion(t.Context(), root(), m.ARN, 7))
		if got := must[keyring.RotationStatus](t)(r.RotationStatus(t.Context(), root(), m.ARN)); got.Enabled {
			t.Errorf("RotationStatus while pending deletion = %+v", got)
		}
		must[string](t)(r.CancelDeletion(t.Context(), root(), m.ARN))
		if got := must[keyring.RotationStatus](t)(r.RotationStatus(t.Context(), root(), m.ARN)); !got.Enabled || got.Days != 100 {
			t.Errorf("RotationStatus after cancelling = %+v", got)
		}
		if err := r.Enable(t.Context(), root(), m.ARN); err != nil {
			t.Fatal(err)
		}
		if err := r.DisableRotation(t.Context(), root(), m.ARN); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(1000 * day)
		synctest.Wait()
		if got := rotations(t, r, m, true); len(got) != 4 {
			t.Errorf("rotated though it is off: %+v", got)
		}

		// Deletion leaves nothing of any version.
		must[keyring.Deletion](t)(r.ScheduleDeletion(t.Context(), root(), m.ARN, 7))
		w.clock.Advance(8 * day)
		synctest.Wait()
		if n := mentions(t, w.records, m.ID); n != 0 {
			t.Errorf("%d records are left", n)
		}
	})
}

func rotations(t *testing.T, r *keyring.Ring, m keyring.Metadata, all bool) (out []keyring.Rotation) {
	t.Helper()
	page := keyring.Page{Limit: 2}
	for {
		l := must[keyring.Listing[keyring.Rotation]](t)(r.Rotations(t.Context(), root(), m.ARN, all, page))
		out = append(out, l.Items...)
		if page.Marker = l.Next; l.Next == "" {
			return out
		}
	}
}

func TestRotationErrors(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	rsaKey := create(t, r, keyring.RSA2048, keyring.EncryptDecrypt)
	for name, err := range map[string]error{
		"EnableRotation":  r.EnableRotation(t.Context(), root(), rsaKey.ARN, 0),
		"DisableRotation": r.DisableRotation(t.Context(), root(), rsaKey.ARN),
		"RotateNow":       second(r.RotateNow(t.Context(), root(), rsaKey.ARN)),
	} {
		wantError(t, name+" of an RSA key", err, keyring.ErrUnsupported, "")
	}
	// Terraform's aws_kms_key asks this of keys of every spec.
	if got := must[keyring.RotationStatus](t)(r.RotationStatus(t.Context(), root(), rsaKey.ARN)); got != (keyring.RotationStatus{KeyARN: rsaKey.ARN}) {
		t.Errorf("RotationStatus of an RSA key = %+v", got)
	}
	m := create(t, r, keyring.Symmetric, "")
	wantError(t, "89 days", r.EnableRotation(t.Context(), root(), m.ARN, 89), keyring.ErrInvalid,
		"1 validation error detected: Value '89' at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value greater than or equal to 90")
	for range keyring.MaxOnDemandRotations {
		must[string](t)(r.RotateNow(t.Context(), root(), m.ARN))
	}
	wantError(t, "one more", second(r.RotateNow(t.Context(), root(), m.ARN)), keyring.ErrLimit,
		"The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: "+m.ARN)

	managed := must[string](t)(r.ManagedKey(t.Context(), root(), "s3"))
	if got := must[keyring.RotationStatus](t)(r.RotationStatus(t.Context(), root(), managed)); !got.Enabled || got.Days != 365 {
		t.Errorf("RotationStatus of a managed key = %+v", got)
	}
	if err := r.DisableRotation(t.Context(), root(), managed); !errors.Is(err, access.ErrDenied) {
		t.Errorf("DisableRotation of a managed key = %v", err)
	}
}
