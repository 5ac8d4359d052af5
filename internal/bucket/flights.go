package bucket

import "sync"

// flights are the blobs that this process is writing, or reading part by part.
// No sweep takes them, and a blob that is deleted while it is read is deleted
// by its last reader: a reader of many parts opens each only when it comes to it.
type flights struct {
	mu   sync.Mutex
	pins map[string]*pin
}

type pin struct {
	count  int
	doomed bool
}

func (f *flights) pin(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pins[name]
	if p == nil {
		p = &pin{}
		f.pins[name] = p
	}
	p.count++
}

// unpin reports whether the blob was doomed and is the caller's to delete.
func (f *flights) unpin(name string) (doomed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pins[name]
	if p.count--; p.count > 0 {
		return false
	}
	delete(f.pins, name)
	return p.doomed
}

// doom leaves a pinned blob to be deleted by whoever unpins it last.
func (f *flights) doom(name string) (pinned bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pins[name]
	if p != nil {
		p.doomed = true
	}
	return p != nil
}

func (f *flights) pinned(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pins[name] != nil
}
