package dir

import "github.com/keyfront-project/keyfront/internal/store"

// OpenStepwise is Open with a function around every step of a change.
func OpenStepwise(folder *store.Folder, onStep func(step string, do func() error) error) (*Blobs, error) {
	return open(folder, onStep)
}

// SetListWindow sets how many names List keeps in memory.
func (b *Blobs) SetListWindow(n int) { b.listWindow = n }
