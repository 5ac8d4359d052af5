package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
)

// headFile names the end of the log, so that a log that was cut short shows.
//
//	slot:  next record u64 | hash of the last record [32] | HMAC-SHA-256 [32]
//	file:  slot 0, slot 1, each at a multiple of 72 bytes
//
// The slots are written in turn; a torn write spoils one, the other still holds.
type headFile struct {
	f *os.File

	mu sync.Mutex
	// Guarded by mu.
	mac  hash.Hash // under the key to write with
	last position
	turn int64
	buf  [slotBytes]byte
}

const (
	headName  = "head"
	slotBytes = 8 + 2*sha256.Size

	headPurpose = "keyfront/audit-head/v1"
)

// openHead opens the head of a log. Only that of a log without records may be
// absent or empty: it is made durable before there is anything to be ahead of.
func openHead(dir *os.Root, keys [][]byte, noRecords bool) (*headFile, error) {
	flags := os.O_RDWR
	if noRecords {
		flags |= os.O_CREATE
	}
	f, err := dir.OpenFile(headName, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: its head file is missing", ErrTampered)
	}
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	h := &headFile{f: f, mac: newMAC(keys[0])}
	if err := h.load(dir.Name(), keys, noRecords); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return h, nil
}

// load reads the position, and writes one that was not written under the first
// key again, so that the other keys can be given up after this start.
func (h *headFile) load(dir string, keys [][]byte, noRecords bool) error {
	p, slot, err := readHead(h.f, keys)
	switch {
	case err != nil:
		return err
	case p.next == 0 && !noRecords:
		return errEmptyHead
	case p.next == 0:
		p.next = 1
		return errors.Join(h.store(p), h.f.Sync(), syncDir(dir))
	}
	h.last, h.turn = p, int64(slot)^1
	if again, _, err := readHead(h.f, keys[:1]); err == nil && again == p {
		return nil
	}
	return errors.Join(h.store(p), h.f.Sync())
}

var errEmptyHead = fmt.Errorf("%w: its head file is empty", ErrTampered)

// readHead returns the further of the slots that are intact and which it is. Of
// an empty file the position is the zero value.
func readHead(f io.ReaderAt, keys [][]byte) (newest position, slot int, err error) {
	// The server may be writing one slot at this moment, and by the next look
	// the other, so a file without an intact slot gets a second look.
	for range 3 {
		var b [2 * slotBytes]byte
		n, err := f.ReadAt(b[:], 0)
		if err != nil && err != io.EOF {
			return position{}, 0, fmt.Errorf("audit: head: %w", err)
		}
		if n == 0 {
			return position{}, 0, nil
		}
		if newest, slot, ok := openSlots(b[:n], keys); ok {
			return newest, slot, nil
		}
	}
	return position{}, 0, fmt.Errorf("%w: its head file is not authentic under this root key", ErrTampered)
}

func openSlots(b []byte, keys [][]byte) (newest position, slot int, ok bool) {
	for i := 0; (i+1)*slotBytes <= len(b) && i < 2; i++ {
		if p, intact := openSlot(b[i*slotBytes:(i+1)*slotBytes], headPurpose, keys); intact && p.next > newest.next {
			newest, slot, ok = p, i, true
		}
	}
	return newest, slot, ok
}

// openSlot reads a place that one of the keys authenticates for a purpose.
func openSlot(slot []byte, purpose string, keys [][]byte) (p position, ok bool) {
	content, mac := slot[:8+sha256.Size], slot[8+sha256.Size:]
	if !slices.ContainsFunc(keys, func(key []byte) bool {
		return hmac.Equal(mac, appendMAC(nil, content, purpose, newMAC(key)))
	}) {
		return p, false
	}
	p.next = binary.BigEndian.Uint64(slot)
	copy(p.prev[:], slot[8:])
	return p, true
}

// appendSlot appends p, authenticated for a purpose by mac, which is reset.
func appendSlot(b []byte, p position, purpose string, mac hash.Hash) []byte {
	n := len(b)
	b = binary.BigEndian.AppendUint64(b, p.next)
	b = append(b, p.prev[:]...)
	return appendMAC(b, b[n:], purpose, mac)
}

func newMAC(key []byte) hash.Hash { return hmac.New(sha256.New, key) }

func appendMAC(b, content []byte, purpose string, mac hash.Hash) []byte {
	mac.Reset()
	io.WriteString(mac, purpose)
	mac.Write(content)
	return mac.Sum(b)
}

// store writes p into the older slot. It does not sync: a head that lags is
// still a lower bound.
func (h *headFile) store(p position) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.storeLocked(p)
}

// rekey writes both slots anew under another key, durably.
func (h *headFile) rekey(key []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mac = newMAC(key)
	for range 2 {
		if err := h.storeLocked(h.last); err != nil {
			return err
		}
	}
	return h.f.Sync()
}

func (h *headFile) storeLocked(p position) error {
	b := appendSlot(h.buf[:0], p, headPurpose, h.mac)
	if _, err := h.f.WriteAt(b, h.turn*slotBytes); err != nil {
		return err
	}
	h.last = p
	h.turn ^= 1
	return nil
}

func (h *headFile) close() error {
	return errors.Join(h.f.Sync(), h.f.Close())
}
