package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// headFile names the end of the log, so that a log that was cut short shows.
//
//	slot:  next record u64 | hash of the last record [32] | HMAC-SHA-256 [32]
//	file:  slot 0, slot 1, each at a multiple of 72 bytes
//
// The slots are written in turn; a torn write spoils one, the other still holds.
type headFile struct {
	f    *os.File
	key  []byte // to write with
	last position
	turn int64
	buf  [slotBytes]byte
}

const (
	headName  = "head"
	slotBytes = 8 + 2*sha256.Size
)

func openHead(dir *os.Root, keys [][]byte, create bool) (*headFile, error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	f, err := dir.OpenFile(headName, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: its head file is missing", ErrTampered)
	}
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	h := &headFile{f: f, key: keys[0]}
	h.last, err = readHead(f, keys)
	if err == nil && h.last.next == 0 {
		// New, and made durable before there is anything to be ahead of.
		err = errors.Join(h.store(position{next: 1}), f.Sync(), syncDir(dir.Name()))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return h, nil
}

// readHead returns the further of the slots that are intact.
func readHead(f *os.File, keys [][]byte) (position, error) {
	var newest position
	var slots [2][slotBytes]byte
	written, intact := 0, 0
	for i := range slots {
		n, _ := f.ReadAt(slots[i][:], int64(i)*slotBytes)
		if n == 0 {
			continue
		}
		written++
		p, ok := openSlot(slots[i][:n], keys)
		if !ok {
			continue
		}
		intact++
		if p.next > newest.next {
			newest = p
		}
	}
	if written > 0 && intact == 0 {
		return position{}, fmt.Errorf("%w: its head file is not authentic under this root key", ErrTampered)
	}
	return newest, nil
}

func openSlot(slot []byte, keys [][]byte) (p position, ok bool) {
	if len(slot) != slotBytes {
		return p, false
	}
	content, mac := slot[:8+sha256.Size], slot[8+sha256.Size:]
	if !slices.ContainsFunc(keys, func(key []byte) bool { return hmac.Equal(mac, slotMAC(content, key)) }) {
		return p, false
	}
	p.next = binary.BigEndian.Uint64(slot)
	copy(p.prev[:], slot[8:])
	return p, true
}

func slotMAC(content, key []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("keyfront/audit-head/v1"))
	m.Write(content)
	return m.Sum(nil)
}

// store writes p into the older slot. It does not sync: a head that lags is
// still a lower bound.
func (h *headFile) store(p position) error {
	b := h.buf[:0]
	b = binary.BigEndian.AppendUint64(b, p.next)
	b = append(b, p.prev[:]...)
	b = append(b, slotMAC(b, h.key)...)
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
