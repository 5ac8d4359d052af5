package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// maxFileBytes bounds the configuration file.
const maxFileBytes = 1 << 20

func (c *Config) readFile(name string) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the configuration file %s does not exist", name)
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if len(text) > maxFileBytes {
		return fmt.Errorf("the configuration file %s is larger than %d bytes", name, maxFileBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := dec.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("configuration file %s: %s", name, strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("configuration file %s: there is more than one document in it, of which only one can count", name)
	}
	return nil
}

// Duration is a time.Duration that the file spells as "5m".
type Duration time.Duration

// String is the spelling in the file.
func (d Duration) String() string { return time.Duration(d).String() }

// UnmarshalYAML reads the spelling in the file.
func (d *Duration) UnmarshalYAML(node ast.Node) error {
	var text string
	_ = yaml.NodeToValue(node, &text) // what is no text is no duration
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return at(node, "want a duration such as 90s, 5m or 2160h")
	}
	*d = Duration(parsed)
	return nil
}

// Networks are ranges of addresses, such as "10.0.0.0/8" and "fd00::/8".
type Networks []netip.Prefix

// UnmarshalYAML reads a list of ranges.
func (n *Networks) UnmarshalYAML(node ast.Node) error {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		return at(node, "want a list of networks such as [10.0.0.0/8]")
	}
	*n = nil
	for _, item := range list.Values {
		var text string
		_ = yaml.NodeToValue(item, &text) // what is no text is no network
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return at(item, "want a network such as 10.0.0.0/8, or 192.0.2.1/32 for one address")
		}
		*n = append(*n, network)
	}
	return nil
}

// at says where in the file a value stands that cannot be read.
func at(node ast.Node, problem string) error {
	token := node.GetToken()
	return fmt.Errorf("[%d:%d] %.100q: %s", token.Position.Line, token.Position.Column, token.Value, problem)
}
