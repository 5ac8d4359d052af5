package keyring_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/store"
)

func TestPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pool = keyring.PoolSize{RSA2048: 2}
		r := w.open()
		run(t, r)
		full := func() {
			t.Helper()
			time.Sleep(time.Minute) // the bubble's: it ends when nothing computes any more
			synctest.Wait()
			if n := r.PairsReady(2048); n != 2 {
				t.Errorf("%d pairs are ready, want 2", n)
			}
		}
		full()
		public := make(map[string]bool)
		for range 2 {
			m := create(t, r, keyring.RSA2048, keyring.SignVerify)
			public[string(must[keyring.PublicKey](t)(r.PublicKey(t.Context(), root(), keyring.Use{Key: m.ARN})).DER)] = true
		}
		if len(public) != 2 {
			t.Error("two keys have one pair")
		}
		full()
	})
}

// A ring that starts has the pairs that an earlier one left in stock, and none
// of them comes twice.
func TestPoolSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pool = keyring.PoolSize{RSA2048: 2}
		ctx, stop := context.WithCancel(t.Context())
		r := w.open()
		go r.Run(ctx)
		time.Sleep(time.Minute) // the bubble's
		stop()
		synctest.Wait()
		if ready, left := r.PairsReady(2048), stocked(t, w.records); ready != 2 || left != 2 {
			t.Errorf("%d pairs are ready and %d in stock, want 2 and 2", ready, left)
		}
		next := w.open()
		for i := range 2 {
			if more, err := keyring.FillOne(next, t.Context()); err != nil || !more {
				t.Fatal(more, err)
			}
			if ready, left := next.PairsReady(2048), stocked(t, w.records); ready != i+1 || left != 1-i {
				t.Errorf("%d pairs are ready and %d in stock", ready, left)
			}
		}
		public := make(map[string]bool)
		for _, ring := range []*keyring.Ring{r, r, next, next} {
			m := create(t, ring, keyring.RSA2048, keyring.SignVerify)
			public[string(must[keyring.PublicKey](t)(ring.PublicKey(t.Context(), root(), keyring.Use{Key: m.ARN})).DER)] = true
		}
		if len(public) != 4 {
			t.Errorf("4 keys have %d pairs", len(public))
		}
	})
}

func stocked(t *testing.T, records store.Records) (n int) {
	t.Helper()
	err := records.View(context.Background(), func(tx store.Reader) error {
		for _, err := range tx.Scan("kms.pair", store.Range{}) {
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
