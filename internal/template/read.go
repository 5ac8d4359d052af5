package template

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/keyfront-project/keyfront/internal/form"
)

// read reads a document. One that begins with a brace is JSON if it can be, for
// JSON may be indented by tabs and YAML may not.
func read(source string) (any, error) {
	if !strings.HasPrefix(strings.TrimLeft(source, " \t\r\n"), "{") {
		return readYAML(source)
	}
	v, err := readJSON(source)
	if err == nil {
		return v, nil
	}
	if y, yamlErr := readYAML(source); yamlErr == nil {
		return y, nil
	}
	return nil, err
}

// budget counts what a document holds. Templates have no aliases, so that a
// document is never larger than its text; the depth is what recursion costs.
type budget struct{ values, depth int }

func (b *budget) enter() error {
	b.values++
	b.depth++
	if b.values > maxValues || b.depth > maxDepth {
		return fail("Template format error: the template is nested too deeply or has too many values.")
	}
	return nil
}

func (b *budget) leave() { b.depth-- }

func readJSON(source string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(source))
	dec.UseNumber()
	v, err := jsonValue(dec, &budget{})
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("more than one value")
		}
	}
	if _, own := errors.AsType[*Error](err); err != nil && !own {
		before := source[:min(int(dec.InputOffset()), len(source))]
		line := strings.Count(before, "\n") + 1
		column := len(before) - strings.LastIndexByte(before, '\n') + 1 // past the character that is wrong
		return nil, fail("Template format error: JSON not well-formed. (line %d, column %d)", line, column)
	}
	return v, err
}

func jsonValue(dec *json.Decoder, b *budget) (any, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := jsonValue(dec, b)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = dec.Token()
		return list, err
	case json.Delim('{'):
		m := map[string]any{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if !ok {
				return nil, errors.New("no name")
			}
			v, err := jsonValue(dec, b)
			if err != nil {
				return nil, err
			}
			m[name] = v // of a name that stands twice the last counts, as with AWS
		}
		_, err = dec.Token()
		return m, err
	default:
		return t, nil
	}
}

func readYAML(source string) (any, error) {
	tokens := lexer.Tokenize(source)
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, notYAML(lastToken(tokens, err))
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, fail("Template format error: unsupported structure.")
	}
	return yamlValue(file.Docs[0].Body, &budget{})
}

// notYAML says where a document is not YAML.
func notYAML(t *token.Token) error {
	line, column := 1, 1
	if t != nil && t.Position != nil {
		line, column = t.Position.Line, t.Position.Column
	}
	return fail("Template format error: YAML not well-formed. (line %d, column %d)", line, column)
}

// lastToken is the token that an error of the parser is about.
func lastToken(tokens token.Tokens, err error) *token.Token {
	var located interface{ GetToken() *token.Token }
	if errors.As(err, &located) {
		return located.GetToken()
	}
	if len(tokens) == 0 {
		return nil
	}
	return tokens[len(tokens)-1]
}

// checkTokens refuses what would cost the parser a deep recursion, before it
// begins: it has no bound of its own. In blocks the depth is the indentation of a
// line and what is opened on it; in flows it is the brackets, and what is opened
// between two commas.
func checkTokens(tokens token.Tokens) error {
	tooMuch := fail("Template format error: the template is nested too deeply or has too many values.")
	if len(tokens) > 4*maxValues {
		return tooMuch
	}
	flow, opened := 0, 0
	line, indent := 0, 0
	for _, t := range tokens {
		if flow == 0 && t.Position.Line != line {
			line, indent, opened = t.Position.Line, t.Position.Column, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
			opened = 0
		case token.SequenceEndType, token.MappingEndType:
			flow--
			opened = 0
		case token.CollectEntryType:
			opened = 0
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.MappingValueType:
			opened++
			if flow == 0 && indent > 4*maxDepth {
				return tooMuch
			}
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return fail("Template error: YAML aliases are not allowed in CloudFormation templates")
		}
		if flow > maxDepth || opened > maxDepth {
			return tooMuch
		}
	}
	return nil
}

// jsonNumber is what may stand for itself as a number. All else that looks like
// one, such as 0123 or 2012-10-17, is meant as it was written.
var jsonNumber = form.New(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

func yamlValue(n ast.Node, b *budget) (any, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	defer b.leave()
	switch n := n.(type) {
	case nil:
		return nil, nil
	case *ast.MappingNode:
		m := map[string]any{}
		for _, member := range n.Values {
			if err := yamlMember(m, member, b); err != nil {
				return nil, err
			}
		}
		return m, nil
	case *ast.MappingValueNode:
		m := map[string]any{}
		return m, yamlMember(m, n, b)
	case *ast.SequenceNode:
		list := []any{}
		for _, item := range n.Values {
			v, err := yamlValue(item, b)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case *ast.TagNode:
		return yamlTag(n, b)
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.NullNode:
		return nil, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.IntegerNode, *ast.FloatNode:
		text := n.GetToken().Value
		if jsonNumber.MatchString(text) {
			return json.Number(text), nil
		}
		return text, nil
	case *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, nil
	default:
		return nil, notYAML(n.GetToken())
	}
}

func yamlMember(m map[string]any, n *ast.MappingValueNode, b *budget) error {
	if _, ok := n.Key.(*ast.MergeKeyNode); ok {
		return fail("Template error: YAML aliases are not allowed in CloudFormation templates")
	}
	key, err := yamlValue(n.Key, b)
	if err != nil {
		return err
	}
	name, ok := scalar(key)
	if !ok {
		return notYAML(n.GetToken())
	}
	v, err := yamlValue(n.Value, b)
	if err != nil {
		return err
	}
	m[name] = v
	return nil
}

// yamlTag reads a short form as the long one.
func yamlTag(n *ast.TagNode, b *budget) (any, error) {
	v, err := yamlValue(n.Value, b)
	if err != nil {
		return nil, err
	}
	tag := n.Start.Value
	switch tag {
	case "!!str":
		s, _ := scalar(v)
		return s, nil
	case "!!map", "!!seq", "!!bool", "!!int", "!!float", "!!null":
		return v, nil
	case "!Ref", "!Condition":
		return map[string]any{tag[1:]: v}, nil
	case "!GetAtt":
		if s, ok := v.(string); ok {
			name, attribute, _ := strings.Cut(s, ".")
			v = []any{name, attribute}
		}
		return map[string]any{"Fn::GetAtt": v}, nil
	}
	name := "Fn::" + strings.TrimPrefix(tag, "!")
	if !functions[name] && !slices.Contains(ruleFunctions, name) && !slices.Contains(extensions, name) {
		return nil, unknownFunction(name)
	}
	return map[string]any{name: v}, nil
}
