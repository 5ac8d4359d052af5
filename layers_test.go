package keyfront_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/keyfront-project/keyfront/"

// ranks is the house, ground floor first. A package imports only what stands on
// a lower line: never up, and never sideways. "x/*" is every package below x.
var ranks = []string{
	"internal/accesslog internal/address internal/arn internal/certificate internal/clock internal/detached internal/form internal/keyfile internal/refusal internal/store internal/rotation signedurl kmssigner",
	"internal/function internal/policy internal/sealed internal/audit internal/wire/forwarded internal/wire/sigv4 internal/wire/awsjson internal/wire/restxml internal/wire/query",
	"internal/template internal/function/trigger internal/wire/awschunked internal/rootkey internal/sealedfile internal/access internal/store/storetest internal/store/memory internal/store/sqlite internal/store/dir",
	"internal/access/accesstest internal/function/journal internal/keyvalue internal/event internal/audit/catalog internal/audit/merkle",
	"internal/audit/archive internal/identity internal/keyring internal/bucket internal/delivery internal/lambda internal/parameter internal/secret internal/stack",
	"internal/trail",
	"internal/resource internal/edge/cache internal/edge/compress internal/edge/origin internal/signer",
	"internal/edge internal/api/front",
	"internal/api/doortest internal/api/querydoor internal/api/jsondoor",
	"internal/api/kms internal/api/s3 internal/api/cloudfront internal/api/iam internal/api/sts internal/api/own internal/api/ssm internal/api/lambda internal/api/secretsmanager internal/api/cloudtrail internal/api/cloudformation internal/api/keyvalue",
	"internal/config",
	"internal/server",
	"keyfronttest",
	"cmd/keyfront",
}

// standardOnly are the packages whose importer must not pay for more than them.
var standardOnly = []string{"signedurl", "internal/arn", "internal/clock", "internal/detached", "internal/form", "internal/keyfile", "internal/policy", "internal/refusal", "internal/wire/sigv4"}

func TestImportsGoDown(t *testing.T) {
	rank := map[string]int{}
	for i, line := range ranks {
		for pkg := range strings.FieldsSeq(line) {
			rank[pkg] = i
		}
	}
	found := map[string]bool{}
	for pkg, imports := range imports(t) {
		found[pkg] = true
		mine, ok := rank[pkg]
		if !ok {
			t.Errorf("%s has no place in the house: add it to ranks", pkg)
			continue
		}
		for _, imp := range imports {
			if below, ok := rank[imp]; ok && below >= mine {
				t.Errorf("%s imports %s, which does not stand below it", pkg, imp)
			}
		}
	}
	for pkg := range rank {
		if !found[pkg] {
			t.Errorf("ranks names %s, which does not exist", pkg)
		}
	}
}

func TestLightPackagesStayLight(t *testing.T) {
	all := imports(t)
	for _, pkg := range standardOnly {
		if len(all[pkg]) == 0 {
			t.Errorf("%s: no imports found", pkg)
		}
		for _, imp := range all[pkg] {
			first, _, _ := strings.Cut(imp, "/")
			if strings.Contains(first, ".") {
				t.Errorf("%s imports %s; it may import only the standard library and the ground floor", pkg, imp)
			}
		}
	}
}

// imports maps each package of the module to what its non-test files import.
// Packages of the module are named by their folder.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "tools" || d.Name() == "scripts" || d.Name() == "examples") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(name))
		for _, spec := range file.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			all[pkg] = append(all[pkg], strings.TrimPrefix(imp, module))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
