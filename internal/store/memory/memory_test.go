package memory_test

import (
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

func TestRecords(t *testing.T) {
	storetest.TestRecords(t, func(*testing.T) (store.Records, func() store.Records) {
		return memory.NewRecords(), nil
	})
}

func TestBlobs(t *testing.T) {
	storetest.TestBlobs(t, func(*testing.T) (store.Blobs, func() store.Blobs) {
		return memory.NewBlobs(), nil
	})
}

func BenchmarkRecords(b *testing.B) { storetest.BenchmarkRecords(b, memory.NewRecords()) }

func BenchmarkBlobs(b *testing.B) { storetest.BenchmarkBlobs(b, memory.NewBlobs()) }
