package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// output is a file that has its name only when it is whole. Until keep, its bytes
// stand under a hidden name beside it.
type output struct {
	*os.File
	name    string
	replace bool
}

// newOutput begins a file. With replace it may take the place of another.
func newOutput(name string, mode fs.FileMode, replace bool) (*output, error) {
	temporary := filepath.Join(filepath.Dir(name), ".keyfront-"+rand.Text()+".part")
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return &output{File: f, name: name, replace: replace}, nil
}

// finish gives the file its name if err is nil and its bytes are on the medium;
// otherwise it removes it. It returns err, or what went wrong.
func (o *output) finish(err error) error {
	if err == nil {
		err = o.Sync()
	}
	err = errors.Join(err, o.Close())
	if err == nil {
		err = o.take()
	}
	if err != nil {
		return errors.Join(err, os.Remove(o.Name()))
	}
	folder, err := os.Open(filepath.Dir(o.name))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// take gives the file its name. Without replace, two commands at once do not write
// over each other, and it may be hours since the name was found to be free.
func (o *output) take() error {
	if o.replace {
		return os.Rename(o.Name(), o.name)
	}
	err := os.Link(o.Name(), o.name)
	if err == nil {
		return os.Remove(o.Name())
	}
	// There are file systems without links.
	if err := vacant(o.name, hintVacant); err != nil {
		return err
	}
	return os.Rename(o.Name(), o.name)
}

// writeOutput is for files that fit in memory.
func writeOutput(name string, content []byte, mode fs.FileMode, replace bool) error {
	o, err := newOutput(name, mode, replace)
	if err != nil {
		return err
	}
	_, err = o.Write(content)
	return o.finish(err)
}
