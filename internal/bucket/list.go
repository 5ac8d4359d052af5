package bucket

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/store"
)

// MaxListed is the longest page of a listing.
const MaxListed = 1000

// List asks for a page of a bucket's current objects.
type List struct {
	Bucket    string
	Prefix    string
	Delimiter string // "" rolls nothing up

	// After excludes every key up to and including it, and the common prefix
	// equal to it.
	After string
	// PastPrefix excludes the common prefix that After lies under as well.
	PastPrefix bool
	// Token continues a listing and takes precedence over After.
	Token string
	// Max is the length of the page, at most MaxListed; larger means MaxListed.
	Max int
}

// Listing is a page of objects and common prefixes, in byte order.
type Listing struct {
	Objects  []Listed
	Prefixes []string
	// Token continues after this page; empty on the last one. Next is the last
	// key or common prefix of the page, for listings that continue by After.
	Token, Next string
}

// Listed is an object as listings show it.
type Listed struct {
	Key       string
	SizeBytes int64
	ETag      string
	Modified  time.Time
	Checksum  ChecksumAlgorithm
	Type      ChecksumType
}

// List returns a page of the bucket's objects. It costs memory for the page
// only, and work for the page only: keys below a common prefix are skipped.
//
// It returns ErrBadToken, ErrNoBucket and access.ErrDenied.
//
// Source: Amazon S3 API Reference, ListObjectsV2.
func (s *Service) List(ctx context.Context, who Caller, in List) (page Listing, err error) {
	call := s.begin(&who, "s3:ListBucket")
	defer call.End(ctx, &err)
	call.setListKeys(in.Prefix, in.Delimiter, in.Max)
	c, err := s.decideBucket(ctx, call, in.Bucket, "")
	if err != nil {
		return Listing{}, err
	}
	from, err := in.from()
	if err != nil {
		return Listing{}, err
	}
	if in.Max <= 0 {
		return Listing{}, nil
	}
	in.Max = min(in.Max, MaxListed)
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		page = Listing{}
		return in.scan(tx, c.ID, from, &page)
	})
	if err != nil {
		return Listing{}, fmt.Errorf("list bucket %s: %w", in.Bucket, err)
	}
	return page, nil
}

func (k *pass) setListKeys(prefix, delimiter string, limit int) {
	k.Keys.Set("s3:prefix", prefix)
	if delimiter != "" {
		k.Keys.Set("s3:delimiter", delimiter)
	}
	k.Keys.Set("s3:max-keys", strconv.Itoa(limit))
}

// from is the first key that the page may hold.
func (in *List) from() (string, error) {
	if in.Token != "" {
		key, past, err := decodeToken(in.Token)
		if err != nil {
			return "", err
		}
		if past {
			return pastPrefix(key), nil
		}
		return key + "\x00", nil
	}
	if in.After == "" {
		return "", nil
	}
	if p, ok := in.rollUp(in.After); ok && (in.PastPrefix || p == in.After) {
		return pastPrefix(p), nil
	}
	return in.After + "\x00", nil
}

// rollUp returns the common prefix that key falls under, if any.
func (in *List) rollUp(key string) (string, bool) {
	if in.Delimiter == "" || !strings.HasPrefix(key, in.Prefix) {
		return "", false
	}
	i := strings.Index(key[len(in.Prefix):], in.Delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(in.Prefix)+i+len(in.Delimiter)], true
}

// scan fills the page. A common prefix ends the running scan and starts a new
// one behind it, so its keys are never read.
func (in *List) scan(tx store.Reader, bucketID, from string, page *Listing) error {
	base := objectKey(bucketID, "")
	all := store.Prefix(base + in.Prefix)
	next := max(all.From, base+from)
	last, lastIsPrefix := "", false
	for count := 0; ; {
		again := false
		for rec, err := range tx.Scan(spaceObject, store.Range{From: next, To: all.To}) {
			if err != nil {
				return err
			}
			key := rec.Key[len(base):]
			var v version
			if err := decodeHead(rec.Value, &v); err != nil {
				return fmt.Errorf("object %q: %w", key, err)
			}
			if v.kind == kindDeleteMarker {
				continue // of a bucket without MarkersApart
			}
			if count == in.Max {
				page.Next = last
				page.Token = encodeToken(last, lastIsPrefix)
				return nil
			}
			count++
			if last, lastIsPrefix = in.rollUp(key); lastIsPrefix {
				page.Prefixes = append(page.Prefixes, last)
				next = base + pastPrefix(last)
				again = true
				break
			}
			last = key
			page.Objects = append(page.Objects, v.listed(key))
		}
		if !again {
			return nil
		}
	}
}

// pastPrefix is the smallest string above every key with the prefix. Keys are
// UTF-8, so the prefix never consists of bytes 0xff.
func pastPrefix(prefix string) string { return store.Prefix(prefix).To }

// A token is base64url of a version byte and the key or common prefix to go on
// after: 'k' or 'p', then its bytes.
func encodeToken(last string, isPrefix bool) string {
	kind := "k"
	if isPrefix {
		kind = "p"
	}
	return base64.RawURLEncoding.EncodeToString([]byte(kind + last))
}

func decodeToken(token string) (last string, isPrefix bool, err error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 2 || len(b) > 1+MaxKeyBytes || b[0] != 'k' && b[0] != 'p' {
		return "", false, ErrBadToken
	}
	return string(b[1:]), b[0] == 'p', nil
}
