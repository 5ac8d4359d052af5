package sealed

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/keyfront-project/keyfront/internal/store"
)

// Records of the vault, as docs/spec/wrap.md describes them:
//
//	root                    format version 1 ‖ id of the root key (16 bytes)
//	key/<domain>/<version>  domain key, wrapped by the root key; the version
//	                        has eight hexadecimal digits and starts at 1
const vaultSpace store.Space = "seal.domain"

const (
	rootRecord   = "root"
	keyPrefix    = "key/"
	rootVersion  = 1
	rootIDBytes  = 16
	firstVersion = 1

	rootDomain       = "root"
	purposeDomainKey = "domain key"
)

var errVaultDamaged = errors.New("sealed: records of the vault are damaged")

// RootID names a root key without telling anything about it: 32 lower-case
// hexadecimal digits, derived from the key.
type RootID string

// IDOfRoot returns the id of a root key of KeyBytes bytes.
func IDOfRoot(root Secret) (RootID, error) {
	k, err := newKDF(root)
	if err != nil {
		return "", err
	}
	var id [rootIDBytes]byte
	k.derive(id[:], labelRootID, nil)
	return RootID(hex.EncodeToString(id[:])), nil
}

// Initialized reports whether records already holds a vault, that is, whether a
// root key must exist somewhere. A start that finds neither may make one.
func Initialized(ctx context.Context, records store.Records) (bool, error) {
	found := false
	err := records.View(ctx, func(tx store.Reader) error {
		id, err := readRootID(tx)
		found = id != ""
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look for a vault: %w", err)
	}
	return found, nil
}

// Vault holds the root key and hands out the domains below it. The root key
// wraps domain keys only, so a change of the root key rewrites a few records.
// A Vault may be used concurrently.
type Vault struct {
	records store.Records

	// mu is held across transactions: domains are opened at the start, and a
	// rotation must not pass a domain that is being made.
	mu   sync.Mutex
	root rootKey
	// doubtful is the root key of a Rewrap that ended with store.ErrUncertain: the
	// vault may be sealed under it.
	doubtful rootKey
	domains  map[string]*Domain
}

type rootKey struct {
	id RootID
	*kdf
}

func newRootKey(secret Secret) (rootKey, error) {
	id, err := IDOfRoot(secret)
	if err != nil {
		return rootKey{}, err
	}
	k, err := newKDF(secret)
	return rootKey{id, k}, err
}

// Open opens the vault in records, or makes it there when there is none.
//
// roots are the root keys on hand: one, or two while a rotation is under way. A
// vault opens with the one that sealed it; a new one takes the first. Open
// returns ErrWrongRootKey when none fits, and then nothing was written.
func Open(ctx context.Context, records store.Records, roots ...Secret) (*Vault, error) {
	if len(roots) == 0 {
		return nil, errors.New("open vault: no root key")
	}
	keys := make([]rootKey, len(roots))
	for i, secret := range roots {
		var err error
		if keys[i], err = newRootKey(secret); err != nil {
			return nil, fmt.Errorf("open vault: root key: %w", err)
		}
	}
	v := &Vault{records: records, domains: make(map[string]*Domain)}
	open := func(tx store.Reader) error {
		stored, err := readRootID(tx)
		if err != nil || stored == "" {
			return err
		}
		for _, k := range keys {
			if k.id == stored {
				v.root = k
				return nil
			}
		}
		return wrongRoot(keys[0].id, stored)
	}
	err := records.View(ctx, open)
	if err == nil && v.root.kdf == nil {
		err = records.Update(ctx, func(tx store.Writer) error {
			v.root = rootKey{}
			if err := open(tx); err != nil || v.root.kdf != nil {
				return err
			}
			for _, err := range tx.Scan(vaultSpace, store.Prefix(keyPrefix)) {
				if err != nil {
					return err
				}
				// Domain keys without the name of their root key: making a
				// new vault on top would orphan everything below them.
				return errVaultDamaged
			}
			v.root = keys[0]
			return writeRootID(tx, v.root.id)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return v, nil
}

// RootID names the root key in use.
func (v *Vault) RootID() RootID {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.root.id
}

// Domain returns the domain of that name: 1 to 32 characters of [a-z0-9-]. It is
// made, durably, when the store has none. Services open their domains at the
// start and keep them.
func (v *Vault) Domain(ctx context.Context, name string) (*Domain, error) {
	if !validDomain(name) {
		return nil, fmt.Errorf("open domain: bad name %q", name)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if d, ok := v.domains[name]; ok {
		return d, nil
	}
	var d *Domain
	read := func(tx store.Reader) (err error) {
		d, err = v.readDomainLocked(tx, name)
		return err
	}
	err := v.records.View(ctx, read)
	if err == nil && len(d.keys) == 0 {
		err = v.records.Update(ctx, func(tx store.Writer) error {
			// Another node may have been first.
			if err := read(tx); err != nil || len(d.keys) > 0 {
				return err
			}
			if err := v.writeDomainKeyLocked(tx, name, firstVersion, RandomSecret(KeyBytes)); err != nil {
				return err
			}
			return read(tx)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("open domain %s: %w", name, err)
	}
	v.domains[name] = d
	return d, nil
}

// readDomainLocked reads all keys of a domain; there may be none.
func (v *Vault) readDomainLocked(tx store.Reader, name string) (*Domain, error) {
	// Another process may have changed the root key since Open.
	if err := v.checkRootLocked(tx); err != nil {
		return nil, err
	}
	d := &Domain{name: name, keys: make(map[uint32]*kdf)}
	for rec, err := range tx.Scan(vaultSpace, store.Prefix(keyPrefix+name+"/")) {
		if err != nil {
			return nil, err
		}
		version, secret, err := openDomainKey(v.root, rec)
		if err != nil {
			return nil, err
		}
		if d.keys[version], err = newKDF(secret); err != nil {
			return nil, errVaultDamaged
		}
		secret.Wipe()
		d.current = max(d.current, version)
	}
	return d, nil
}

func (v *Vault) writeDomainKeyLocked(tx store.Writer, name string, version uint32, key Secret) error {
	record := fmt.Sprintf("%s%s/%08x", keyPrefix, name, version)
	return tx.Put(vaultSpace, record, v.root.wrap(newEntropy(), 0, domainKeyPlace(record), key))
}

func (v *Vault) checkRootLocked(tx store.Reader) error {
	stored, err := readRootID(tx)
	if err != nil {
		return err
	}
	if v.doubtful.kdf != nil && stored == v.doubtful.id {
		v.root, v.doubtful = v.doubtful, rootKey{}
	}
	if stored != v.root.id {
		return wrongRoot(v.root.id, stored)
	}
	return nil
}

// Settle returns the id of the root key in use, for good: no commit of which
// nobody knew how it ended can change that later, since Settle commits after it.
// It returns ErrWrongRootKey when another process has changed the root key.
func (v *Vault) Settle(ctx context.Context) (RootID, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.records.Update(ctx, func(tx store.Writer) error {
		if err := v.checkRootLocked(tx); err != nil {
			return err
		}
		return writeRootID(tx, v.root.id)
	})
	if err != nil {
		return "", fmt.Errorf("settle vault: %w", err)
	}
	v.doubtful = rootKey{}
	return v.root.id, nil
}

// Rewrap makes next the root key: all domain keys are wrapped anew in one
// transaction. Domains that are open stay usable throughout. Whatever happens,
// the store is afterwards sealed under the old root key or under next, so keep
// both at hand (rootkey.Source.Replace) until Rewrap has returned nil, or Settle
// has told which it is.
func (v *Vault) Rewrap(ctx context.Context, next Secret) error {
	to, err := newRootKey(next)
	if err != nil {
		return fmt.Errorf("rewrap vault: root key: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	err = v.records.Update(ctx, func(tx store.Writer) error {
		if err := v.checkRootLocked(tx); err != nil {
			return err
		}
		var all []store.Record
		for rec, err := range tx.Scan(vaultSpace, store.Prefix(keyPrefix)) {
			if err != nil {
				return err
			}
			all = append(all, rec)
		}
		for _, rec := range all {
			_, secret, err := openDomainKey(v.root, rec)
			if err != nil {
				return err
			}
			wrapped := to.wrap(newEntropy(), 0, domainKeyPlace(rec.Key), secret)
			secret.Wipe()
			if err := tx.Put(vaultSpace, rec.Key, wrapped); err != nil {
				return err
			}
		}
		return writeRootID(tx, to.id)
	})
	if errors.Is(err, store.ErrUncertain) {
		v.doubtful = to
	}
	if err != nil {
		return fmt.Errorf("rewrap vault: %w", err)
	}
	v.root, v.doubtful = to, rootKey{}
	return nil
}

// openDomainKey unwraps the domain key that a record holds.
func openDomainKey(root rootKey, rec store.Record) (version uint32, key Secret, err error) {
	_, digits, _ := strings.Cut(strings.TrimPrefix(rec.Key, keyPrefix), "/")
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || n < firstVersion {
		return 0, Secret{}, fmt.Errorf("%w: key %q", errVaultDamaged, rec.Key)
	}
	if key, err = root.unwrap(domainKeyPlace(rec.Key), rec.Value); err != nil {
		return 0, Secret{}, fmt.Errorf("%w: key %q: %w", errVaultDamaged, rec.Key, err)
	}
	return uint32(n), key, nil
}

// domainKeyPlace binds a domain key to the key of its record, which holds the
// domain's name and the version.
func domainKeyPlace(record string) place {
	return place{rootDomain, purposeDomainKey, record}
}

// readRootID returns "" when there is no vault yet.
func readRootID(tx store.Reader) (RootID, error) {
	value, err := tx.Get(vaultSpace, rootRecord)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	case len(value) != 1+rootIDBytes || value[0] != rootVersion:
		return "", fmt.Errorf("%w: key %q", errVaultDamaged, rootRecord)
	}
	return RootID(hex.EncodeToString(value[1:])), nil
}

func writeRootID(tx store.Writer, id RootID) error {
	raw, err := hex.DecodeString(string(id))
	if err != nil {
		panic("sealed: malformed root id")
	}
	return tx.Put(vaultSpace, rootRecord, append([]byte{rootVersion}, raw...))
}

func wrongRoot(have, want RootID) error {
	return fmt.Errorf("%w: have %s, the data is sealed under %s", ErrWrongRootKey, have, want)
}

func validDomain(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return 0 < len(name) && len(name) <= 32
}
