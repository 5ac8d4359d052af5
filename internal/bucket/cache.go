package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/store"
)

// cacheFreshFor is how long another node's change of a bucket may go unseen.
const cacheFreshFor = 500 * time.Millisecond

// maxCachedConfigs bounds the cache; beyond it everything is dropped, since
// more buckets than that are not all in use.
const maxCachedConfigs = 10_000

// configCache keeps bucket records with their compiled policies. A change made
// here is seen at once, one made elsewhere when the space's counter moves.
type configCache struct {
	mu      sync.Mutex
	configs map[string]*config
	// epoch grows whenever something is dropped, so that a record that was
	// read before the drop is not kept after it.
	epoch   uint64
	counter uint64
	checked time.Time
}

// config returns the bucket's record, or ErrInvalidName or ErrNoBucket. The
// result is shared: change a copy only.
func (s *Service) config(ctx context.Context, name string) (*config, error) {
	if !validName(name) {
		return nil, ErrInvalidName
	}
	if err := s.refreshCache(ctx); err != nil {
		return nil, err
	}
	s.cache.mu.Lock()
	c, epoch := s.cache.configs[name], s.cache.epoch
	s.cache.mu.Unlock()
	if c != nil {
		return c, nil
	}
	err := s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		c, err = readConfig(tx, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	if s.cache.epoch == epoch {
		if len(s.cache.configs) >= maxCachedConfigs {
			clear(s.cache.configs)
		}
		s.cache.configs[name] = c
	}
	return c, nil
}

// refreshCache empties the cache when another node changed a bucket. The clock
// is the machine's own: staleness is about real time.
func (s *Service) refreshCache(ctx context.Context) error {
	s.cache.mu.Lock()
	fresh := time.Since(s.cache.checked) < cacheFreshFor
	s.cache.mu.Unlock()
	if fresh {
		return nil
	}
	asked := time.Now()
	counter, err := s.cfg.Records.Changes(ctx, spaceBucket)
	if err != nil {
		return fmt.Errorf("look for changed buckets: %w", err)
	}
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	if counter != s.cache.counter {
		s.cache.counter = counter
		s.cache.epoch++
		clear(s.cache.configs)
	}
	s.cache.checked = asked
	return nil
}

func (s *Service) forget(name string) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	s.cache.epoch++
	delete(s.cache.configs, name)
}

func readConfig(tx store.Reader, name string) (*config, error) {
	value, err := readConfigValue(tx, name)
	if err != nil {
		return nil, err
	}
	return decodeConfig(name, value)
}

func readConfigValue(tx store.Reader, name string) ([]byte, error) {
	value, err := tx.Get(spaceBucket, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoBucket
	}
	if err != nil {
		return nil, fmt.Errorf("read bucket %s: %w", name, err)
	}
	return value, nil
}

// changeConfig rewrites a bucket's record: it must still be the bucket that
// the call was decided about.
func (s *Service) changeConfig(ctx context.Context, decided *config, change func(*config)) error {
	return s.changeConfigIf(ctx, decided, func(c *config) error {
		change(c)
		return nil
	})
}

// changeConfigIf is changeConfig for a change that may refuse.
func (s *Service) changeConfigIf(ctx context.Context, decided *config, change func(*config) error) error {
	defer s.forget(decided.name)
	return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		c, err := readConfig(tx, decided.name)
		if err != nil {
			return err
		}
		if c.ID != decided.ID {
			return ErrNoBucket
		}
		if err := change(c); err != nil {
			return err
		}
		return tx.Put(spaceBucket, c.name, c.encode())
	})
}

// setConfig decides about a call that changes a bucket's record, and changes it.
func (s *Service) setConfig(ctx context.Context, call *pass, name string, change func(*config)) error {
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error { return s.changeConfig(ctx, c, change) })
}

// readSame reads the bucket anew, and returns ErrNoBucket if it was deleted and
// perhaps made again since the call was decided. The result may be decided itself
// and so shared: every write comes through here, while all others wait, and to
// decode the record and to compile its policy again would be most of its work.
func readSame(tx store.Reader, decided *config) (*config, error) {
	value, err := readConfigValue(tx, decided.name)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(value, decided.encoded) {
		return decided, nil
	}
	c, err := decodeConfig(decided.name, value)
	if err != nil {
		return nil, err
	}
	if c.ID != decided.ID {
		return nil, ErrNoBucket
	}
	return c, nil
}
