package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/keyfront-project/keyfront/internal/rotation"
)

// rotationFile keeps a rotation in rotation.json of a locked folder, replaced
// whole at each change.
type rotationFile struct {
	folder   string
	keyGroup string
}

var _ rotation.Store = (*rotationFile)(nil)

// keptRotation is the content of rotation.json.
type keptRotation struct {
	Version  int            `json:"v"`
	KeyGroup string         `json:"keyGroup"`
	Rotation rotation.State `json:"rotation"`
}

// currentKey is the content of current.json: what to sign with.
type currentKey struct {
	KeyPairID string `json:"keyPairId"`
	KMSKeyARN string `json:"kmsKeyArn"`
}

// Load implements rotation.Store.
func (f *rotationFile) Load(context.Context) (rotation.State, error) {
	name := filepath.Join(f.folder, "rotation.json")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return rotation.State{}, nil
	}
	if err != nil {
		return rotation.State{}, err
	}
	var kept keptRotation
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&kept); err != nil || kept.Version != 1 {
		return rotation.State{}, fmt.Errorf("%s is damaged, or of a newer release", name)
	}
	if kept.KeyGroup != f.keyGroup {
		return rotation.State{}, fmt.Errorf("%s is of the key group %s; give --state another folder", name, kept.KeyGroup)
	}
	return kept.Rotation, nil
}

// Change implements rotation.Store.
func (f *rotationFile) Change(ctx context.Context, fn func(*rotation.State) error) error {
	state, err := f.Load(ctx)
	if err != nil {
		return err
	}
	if err := fn(&state); err != nil {
		return err
	}
	return f.replace("rotation.json", keptRotation{Version: 1, KeyGroup: f.keyGroup, Rotation: state})
}

// writeCurrent tells who signs what to sign with; nothing while no key is ready.
func (f *rotationFile) writeCurrent(k *rotation.Key) error {
	if k == nil {
		return nil
	}
	return f.replace("current.json", currentKey{k.ID, k.Ref})
}

// replace writes a file whole: after a crash it is the old one or the new one.
func (f *rotationFile) replace(name string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	return writeOutput(filepath.Join(f.folder, name), append(text, '\n'), 0o644, true)
}
