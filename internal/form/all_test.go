package form_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/form"
)

// examples are, for every form in the program, a text that has it and one that
// has not.
var examples = map[string][2]string{
	"delivery.bucketHost":         {"films.s3.eu-west-1.amazonaws.com", "films.example.com"},
	"delivery.cloudFrontFunction": {"arn:aws:cloudfront::000000000000:function/index", "arn:aws:cloudfront::000000000000:distribution/E1"},
	"delivery.etagForm":           {"E1ABCDEFGHIJKL", "E1"},
	"delivery.functionName":       {"index_2", "in dex"},
	"delivery.hostname":           {"www.example.com", "-www.example.com"},
	"delivery.lambdaVersion":      {"arn:aws:lambda:us-east-1:000000000000:function:sign:3", "arn:aws:lambda:us-east-1:000000000000:function:sign"},
	"delivery.token":              {"X-Header!", "X Header"},
	"identity.aliasForm":          {"my-company-2", "my-"},
	"identity.codeForm":           {"123456", "12345x"},
	"identity.descriptionForm":    {"für alle\n", "\x00"},
	"identity.externalForm":       {"partner:7/a", "partner 7"},
	"identity.nameForm":           {"ann+b@example.com", "ann/b"},
	"identity.pathForm":           {"/division/", "division/"},
	"identity.prefixForm":         {"/div", "div"},
	"identity.sessionForm":        {"deploy@7", "deploy 7"},
	"identity.tagForm":            {"Größe 7:a/b", "a#b"},
	"lambda.accountForm":          {"000000000000", "00000000000"},
	"lambda.actionForm":           {"lambda:InvokeFunction", "s3:GetObject"},
	"lambda.aliasForm":            {"live", "li.ve"},
	"lambda.anyName":              {"arn:aws:lambda:us-east-1:000000000000:function:sign:live", "a b"},
	"lambda.anyQualifier":         {"$LATEST", "a.b"},
	"lambda.anyResource":          {"arn:aws:lambda:us-east-1:000000000000:function:sign", "sign"},
	"lambda.envForm":              {"MODE_2", "2MODE"},
	"lambda.handlerForm":          {"index.handler", "index handler"},
	"lambda.nameForm":             {"sign_2", "sign.2"},
	"lambda.newName":              {"sign", "a b"},
	"lambda.roleForm":             {"arn:aws:iam::000000000000:role/service-role/sign", "arn:aws:iam::000000000000:user/sign"},
	"lambda.runtimeForm":          {"nodejs22.x", "python3.13"},
	"lambda.statementForm":        {"allow-events", "allow events"},
	"lambda.versionForm":          {"12", "0"},
	"parameter.labelForm":         {"live-2", "2live"},
	"parameter.nameForm":          {"/films/db.password", "films//db"},
	"parameter.nested":            {"a{{/films/db}}b", "{ {/films/db} }"},
	"parameter.versionID":         {"01234567-89ab-cdef-0123-456789abcdef", "01234567"},
	"secret.nameForm":             {"films/db@2", "films db"},
	"secret.rateForm":             {"rate(12 hours)", "rate(12 weeks)"},
	"secret.tokenForm":            {"01234567-89ab-cdef-0123-456789abcdef", "01234567"},
	"signer.nameForm":             {"links_2", "_links"},
	"stack.changeSetName":         {"one-2", "2-one"},
	"stack.reference":             {"a{{resolve:ssm:/films/db:3}}b", "{{resolve:s3:films}}"},
	"stack.stackName":             {"films-2", "films_2"},
	"template.alphanumeric":       {"Bucket2", "My-Bucket"},
	"template.jsonNumber":         {"-1.5e+3", "01"},
	"template.parameterTypes":     {"AWS::SSM::Parameter::Value<List<String>>", "List<Strings>"},
	"template.placeholder":        {"a-${AWS::Region}", "a-$AWS"},
	"template.typeName":           {"AWS::S3::Bucket", "AWS::S3"},
	"trail.trailName":             {"all.events", "-all"},
}

// Every form in the program compiles and means what it should: forms are compiled
// when they are first used, and that may be long after the start.
func TestAllForms(t *testing.T) {
	found := sources(t)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		example, ok := examples[name]
		if !ok {
			t.Errorf("%s has no examples: add a text that has the form %s, and one that has not", name, found[name])
			continue
		}
		f := form.New(found[name])
		if !f.MatchString(example[0]) || f.MatchString(example[1]) {
			t.Errorf("%s, %s: %q matches: %t, want true; %q: %t, want false",
				name, found[name], example[0], f.MatchString(example[0]), example[1], f.MatchString(example[1]))
		}
	}
	for name := range examples {
		if found[name] == "" {
			t.Errorf("there is no form %s", name)
		}
	}
}

// sources finds the expressions of all forms, by package and variable.
func sources(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	packages := make(map[string][]*ast.File)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "tools" || strings.HasPrefix(d.Name(), ".") && path != "../..") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		packages[filepath.Dir(path)] = append(packages[filepath.Dir(path)], f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, files := range packages {
		constants := make(map[string]ast.Expr)
		specs(files, token.CONST, func(name string, value ast.Expr) { constants[name] = value })
		named := 0
		specs(files, token.VAR, func(name string, value ast.Expr) {
			if expr := argument(value); expr != nil {
				named++
				text, err := evaluate(expr, constants)
				if err != nil {
					t.Fatalf("%s in %s: %v", name, dir, err)
				}
				key := filepath.Base(dir) + "." + name
				if _, twice := found[key]; twice {
					t.Errorf("there are two packages with a form %s", key)
				}
				found[key] = text
			}
		})
		all := 0
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok && argument(e) != nil {
					all++
				}
				return true
			})
		}
		if all != named {
			t.Errorf("%s has %d forms, and %d variables that are one", dir, all, named)
		}
	}
	return found
}

// specs are the constants or variables of a package that are given a value.
func specs(files []*ast.File, kind token.Token, yield func(name string, value ast.Expr)) {
	for _, f := range files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != kind {
				continue
			}
			for _, s := range g.Specs {
				s := s.(*ast.ValueSpec)
				for i, value := range s.Values {
					yield(s.Names[i].Name, value)
				}
			}
		}
	}
}

// argument is x in form.New(x), nil for other expressions.
func argument(e ast.Expr) ast.Expr {
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return nil
	}
	of, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || of.Sel.Name != "New" {
		return nil
	}
	if pkg, ok := of.X.(*ast.Ident); !ok || pkg.Name != "form" {
		return nil
	}
	return call.Args[0]
}

// evaluate adds up the texts of a constant.
func evaluate(e ast.Expr, constants map[string]ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return strconv.Unquote(e.Value)
	case *ast.Ident:
		if of := constants[e.Name]; of != nil {
			return evaluate(of, constants)
		}
	case *ast.BinaryExpr:
		left, err := evaluate(e.X, constants)
		if err != nil {
			return "", err
		}
		right, err := evaluate(e.Y, constants)
		return left + right, err
	}
	return "", fmt.Errorf("%T is no text that is known before the program runs", e)
}
