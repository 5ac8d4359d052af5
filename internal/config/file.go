package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
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
	if err := c.decode(text); err != nil {
		return fmt.Errorf("configuration file %s: %w", name, err)
	}
	return nil
}

// decode reads the one document of a file. A key without a value is no setting:
// so a section may have all of its lines commented out, and the whole file too.
func (c *Config) decode(text []byte) error {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // editors of Windows put it there
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return unreadable(err)
	}
	if len(file.Docs) > 1 {
		return errors.New("there is more than one document in it, of which only one can count")
	}
	if len(file.Docs) == 0 || isNull(file.Docs[0].Body) {
		return nil
	}
	body, judged := file.Docs[0].Body, *c
	var broken fractions
	if ast.Walk(&broken, body); broken.first != nil {
		return at(broken.first, "want a whole number, or a text in quotes")
	}
	if err := yaml.NodeToValue(body, &judged, yaml.Strict()); err != nil { // also of keys without a value
		return unreadable(err)
	}
	ast.Walk(withoutNulls{}, body)
	return yaml.NodeToValue(body, c, yaml.Strict())
}

// unreadable names the line and says what was wanted there.
func unreadable(err error) error {
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok {
		switch wrong.DstType.Kind() {
		case reflect.Bool:
			return atToken(wrong.Token, "want true or false")
		case reflect.Int, reflect.Int64:
			return atToken(wrong.Token, "want a whole number")
		case reflect.String:
			return atToken(wrong.Token, "want a text")
		}
	}
	if large, ok := errors.AsType[*yaml.OverflowError](err); ok {
		return atToken(large.Token, "the number is too large")
	}
	return errors.New(strings.TrimSpace(yaml.FormatError(err, false, true)))
}

// fractions finds the first number that is not whole. No setting is one, and the
// library would cut it off.
type fractions struct{ first ast.Node }

func (v *fractions) Visit(node ast.Node) ast.Visitor {
	switch node.Type() {
	case ast.FloatType, ast.InfinityType, ast.NanType:
		if v.first == nil {
			v.first = node
		}
	}
	return v
}

// withoutNulls takes keys without a value out of mappings.
type withoutNulls struct{}

func (v withoutNulls) Visit(node ast.Node) ast.Visitor {
	if m, ok := node.(*ast.MappingNode); ok {
		m.Values = slices.DeleteFunc(m.Values, func(pair *ast.MappingValueNode) bool { return isNull(pair.Value) })
	}
	return v
}

func isNull(node ast.Node) bool {
	return node == nil || node.Type() == ast.NullType || node.Type() == ast.CommentType
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
func at(node ast.Node, problem string) error { return atToken(node.GetToken(), problem) }

func atToken(t *token.Token, problem string) error {
	return fmt.Errorf("[%d:%d] %.100q: %s", t.Position.Line, t.Position.Column, t.Value, problem)
}
