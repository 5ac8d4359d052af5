package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

var errCrash = errors.New("crash")

// crash ends a process at one of its writes: that write fails, with all or
// nothing of it persisted, and so does everything after it.
type crash struct {
	persisted bool

	mu    sync.Mutex // the service sweeps in the background
	after int        // writes that still succeed
	dead  bool
}

func (c *crash) arm(after int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = after
}

func (c *crash) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *crash) write(do func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return errCrash
	}
	if c.after > 0 {
		c.after--
		return do()
	}
	c.dead = true
	if c.persisted {
		do()
	}
	return errCrash
}

type crashRecords struct {
	store.Records
	*crash
}

func (r crashRecords) Update(ctx context.Context, fn func(store.Writer) error) error {
	return r.write(func() error { return r.Records.Update(ctx, fn) })
}

func (r crashRecords) View(ctx context.Context, fn func(store.Reader) error) error {
	if r.isDead() {
		return errCrash
	}
	return r.Records.View(ctx, fn)
}

type crashBlobs struct {
	store.Blobs
	*crash
}

func (b crashBlobs) Create(ctx context.Context, name string) (w store.BlobWriter, err error) {
	err = b.write(func() error { w, err = b.Blobs.Create(ctx, name); return err })
	if err != nil {
		return nil, err
	}
	return crashBlobWriter{w, b.crash}, nil
}

func (b crashBlobs) Delete(ctx context.Context, name string) error {
	return b.write(func() error { return b.Blobs.Delete(ctx, name) })
}

type crashBlobWriter struct {
	store.BlobWriter
	*crash
}

func (w crashBlobWriter) Write(p []byte) (n int, err error) {
	err = w.write(func() error { n, err = w.BlobWriter.Write(p); return err })
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (w crashBlobWriter) Commit(ctx context.Context) error {
	return w.write(func() error { return w.BlobWriter.Commit(ctx) })
}

func (w crashBlobWriter) Abort() error {
	if w.isDead() {
		return errCrash
	}
	return w.BlobWriter.Abort()
}

// At every write of a Put or Delete the process ends; afterwards the old object
// or the new one is there, whole, the new one if it was acknowledged, and no
// bytes are left over.
func TestCrash(t *testing.T) {
	small, large := pattern(100), pattern(200_000)
	for _, tt := range []struct {
		name     string
		old, new []byte // nil: none
	}{
		{"first small", nil, small},
		{"first large", nil, large},
		{"small over large", large, small},
		{"large over small", small, large},
		{"large over large", pattern(150_000), large},
		{"delete large", large, nil},
		{"delete small", small, nil},
	} {
		for _, persisted := range []bool{false, true} {
			for after, acknowledged := 0, false; !acknowledged; after++ {
				name := fmt.Sprintf("%s, write %d fails, persisted %v", tt.name, after, persisted)
				c := &crash{after: 1 << 30, persisted: persisted}
				records, blobs := memory.NewRecords(), memory.NewBlobs()
				w := newWorld(t, crashRecords{records, c}, crashBlobs{blobs, c})
				w.bucket("films")
				if tt.old != nil {
					w.put("films", "k", tt.old, sseS3)
				}
				c.arm(after)
				var err error
				if tt.new == nil {
					_, err = w.Delete(t.Context(), w.root(), bucket.Delete{Bucket: "films", Key: "k"})
				} else {
					_, err = w.Put(t.Context(), w.root(), bucket.Put{
						Bucket: "films", Key: "k", Body: bytes.NewReader(tt.new), SizeBytes: int64(len(tt.new)), Encryption: sseS3,
					})
				}
				acknowledged = err == nil && !c.isDead()
				done := err == nil
				w.Close()

				w.records, w.blobs = records, blobs
				w.open()
				got, err := w.readAll("films", "k")
				if errors.Is(err, bucket.ErrNoKey) {
					got, err = nil, nil
				}
				isOld := (got == nil) == (tt.old == nil) && bytes.Equal(got, tt.old)
				isNew := (got == nil) == (tt.new == nil) && bytes.Equal(got, tt.new)
				if err != nil || !isOld && !isNew {
					t.Fatalf("%s: read %d bytes, %v", name, len(got), err)
				}
				if done && !isNew {
					t.Fatalf("%s: acknowledged, and not there", name)
				}
				if _, err := w.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				blobsWanted := 0
				if len(got) > bucket.MaxInlineBytes {
					blobsWanted = 1
				}
				w.wantBlobs(blobsWanted)
				w.Close()
			}
		}
	}
}

func TestSweepSparesOthers(t *testing.T) {
	w := memoryWorld(t)
	w.bucket("films")
	w.put("films", "k", pattern(100_000), sseS3)
	for _, name := range []string{"s3/1/1-00", "other/1"} {
		b, err := w.blobs.Create(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// A body is on its way.
	ahead, release := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := w.Put(t.Context(), w.root(), bucket.Put{
			Bucket: "films", Key: "slow", SizeBytes: 100_000,
			Body: &gate{content: bytes.NewReader(pattern(100_000)), ahead: ahead, release: release},
		})
		done <- err
	}()
	<-ahead
	// The sweep at the start may have taken the orphan already.
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Errorf("Sweep = %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Errorf("Put during a sweep = %v", err)
	}
	w.wantBlobs(3)
}

// gate is a body that says when it is asked for and waits.
type gate struct {
	content        *bytes.Reader
	ahead, release chan struct{}
}

func (g *gate) Read(p []byte) (int, error) {
	if g.ahead != nil {
		close(g.ahead)
		g.ahead = nil
		<-g.release
	}
	return g.content.Read(p)
}
