package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
)

// Report is what Verify found in an intact log.
type Report struct {
	// First is the number of the first record that is here: more than 1 where
	// the files before it are archived. 0 if there is none.
	First   uint64 `json:"first"`
	Records uint64 `json:"records"`
	Files   int    `json:"files"`
	// Last is the hash of the last record, hexadecimal. Kept elsewhere, it lets
	// a later reader see that nothing before it was changed.
	Last string `json:"last"`
	// TornBytes is the length of an unfinished end: a crash, or a server that is
	// writing at this moment.
	TornBytes int64 `json:"tornBytes"`
	// Unsealed is how many records follow the last one that the head names. A
	// server that is writing leaves some, and so does a power loss; otherwise
	// somebody has added them. Zero without head keys.
	Unsealed uint64 `json:"unsealed"`
}

// Verify reads the whole log in dir and returns ErrTampered, with the number of
// the first bad record, unless every record is the one that was written. With
// headKeys it also finds a log that was cut short, at its end or its beginning. It
// changes nothing, may run beside a server, and ends with ctx.
func Verify(ctx context.Context, dir string, headKeys [][]byte) (Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Report{}, fmt.Errorf("audit: %w", err)
	}
	defer root.Close()
	for tries := 0; ; tries++ {
		rep, err := verify(ctx, root, headKeys)
		// The oldest file may be archived and removed at this moment.
		if tries == 2 || !errors.Is(err, fs.ErrNotExist) {
			return rep, err
		}
	}
}

func verify(ctx context.Context, root *os.Root, headKeys [][]byte) (Report, error) {
	c := chain{sealed: headKeys != nil}
	// The head is read first: a server that goes on writing only moves the
	// end of the log further behind it.
	if c.sealed {
		var err error
		if c.head, err = headOf(root, headKeys); err != nil {
			return Report{}, err
		}
	}
	files, err := allSegments(root)
	if err != nil {
		return Report{}, err
	}
	if c.sealed && c.head.next == 0 && len(files) > 0 {
		return Report{}, errEmptyHead
	}
	c.Files = len(files)
	c.at, c.begin = position{next: 1}, position{next: 1}
	if len(files) > 0 {
		c.at = files[0].start()
		c.First = c.at.next
		c.begin = c.at // without the key, nobody says where it is to begin
	}
	if c.sealed {
		if c.begin, err = readBegin(root, headKeys); err != nil {
			return c.Report, err
		}
	}
	if len(files) > 0 {
		if err := c.begin.admits(&files[0]); err != nil {
			return c.Report, err
		}
	}
	// The log may begin where the head says that it ends.
	c.headSeen = c.head.next <= 1 || c.at == c.head
	for i, s := range files {
		if s.start() != c.at {
			return c.Report, fmt.Errorf("%w: a file with record %d is missing before %s", ErrTampered, c.at.next, s.Name)
		}
		if c.TornBytes > 0 {
			return c.Report, fmt.Errorf("%w: record %d is cut off inside file %d", ErrTampered, c.at.next, i)
		}
		for line, err := range s.lines(root, 0) {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				c.TornBytes = int64(len(line))
				break
			}
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				err = c.follow(line)
			}
			if err != nil {
				return c.Report, err
			}
		}
	}
	if !c.headSeen {
		return c.Report, fmt.Errorf("%w: it ends after record %d, but record %d was written", ErrTampered, c.at.next-1, c.head.next-1)
	}
	c.Last = hex.EncodeToString(c.at.prev[:])
	return c.Report, nil
}

// headOf reads the head of the log in root.
func headOf(root *os.Root, keys [][]byte) (position, error) {
	f, err := root.Open(headName)
	if err != nil {
		return position{}, fmt.Errorf("%w: %w", ErrTampered, err)
	}
	head, _, err := readHead(f, keys)
	return head, errors.Join(err, f.Close())
}

// chain follows the records of a log, from the first that is here to the last.
type chain struct {
	Report
	at       position // behind the last record that was followed
	begin    position // where the log is to begin
	head     position // how far it must reach; zero unless sealed
	sealed   bool     // begin and head are authentic
	headSeen bool
}

// follow takes the next record.
func (c *chain) follow(line []byte) error {
	e, err := Parse(line)
	if err != nil {
		return fmt.Errorf("%w: record %d: %w", ErrTampered, c.at.next, err)
	}
	if e.Seq != c.at.next || e.Prev != hex.EncodeToString(c.at.prev[:]) {
		return fmt.Errorf("%w: record %d does not follow the one before it", ErrTampered, c.at.next)
	}
	c.at = position{next: c.at.next + 1, prev: sha256.Sum256(line)}
	for _, known := range [...]position{c.begin, c.head} {
		if c.at.next == known.next && c.at.prev != known.prev {
			return fmt.Errorf("%w: record %d is not the one that was written", ErrTampered, e.Seq)
		}
	}
	c.headSeen = c.headSeen || c.at.next == c.head.next
	c.Records++
	if c.sealed && c.headSeen && c.at.next > c.head.next {
		c.Unsealed++
	}
	return nil
}

// Entries walks the records of the log in dir, oldest first. It trusts what it
// reads; Verify is the one that does not.
func Entries(dir string) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			yield(nil, fmt.Errorf("audit: %w", err))
			return
		}
		defer root.Close()
		files, err := allSegments(root)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, s := range files {
			for line, err := range s.lines(root, 0) {
				if errors.Is(err, io.ErrUnexpectedEOF) {
					return
				}
				var e *Entry
				if err == nil {
					e, err = Parse(line)
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}
