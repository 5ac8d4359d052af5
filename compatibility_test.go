package keyfront_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCompatibilityPageIsTrue compares docs/compatibility.md with the tables by
// which the doors find their operations: each operation that a door has stands
// in its section's table, and each that it refuses by name in the list after
// "Absent:".
func TestCompatibilityPageIsTrue(t *testing.T) {
	page := read(t, "docs/compatibility.md")
	sections := map[string]string{}
	for _, s := range strings.Split(page, "\n## ")[1:] {
		name, text, _ := strings.Cut(s, "\n")
		sections[name] = text
	}
	tests := []struct {
		section         string
		file            string
		present, absent string // patterns whose first group is the operation
		name            func(string) string
	}{
		{"KMS", "internal/api/kms/operations.go", `"(\w+)":\s+(?:answers|silent)\(`, `"(\w+)":\s+lacks`, nil},
		{"S3", "internal/api/s3/routes.go", `\{"([A-Z]\w+)", \(\*exchange\)`, `\{"([A-Z]\w+)", nil\}`, nil},
		{"CloudFront", "internal/api/cloudfront/routes.go", ` ((?:\(\*Door\)|\w+Policies)\.\w+)\}`, `^$`, cloudFrontName},
		{"CloudFront", "internal/api/cloudfront/unsupported.go", `^$`, `"(\w+)"\},\n`, nil},
		{"IAM", "internal/api/iam/iam.go", `"([A-Z]\w+)":\s+s\.`, `^$`, nil},
		{"STS", "internal/api/sts/sts.go", `"([A-Z]\w+)":\s+s\.`, `^$`, nil},
	}
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` \\|")
	word := regexp.MustCompile("`(\\w+)`")
	for _, tt := range tests {
		text, ok := sections[tt.section]
		if !ok {
			t.Errorf("the page has no section %s", tt.section)
			continue
		}
		table, rest, _ := strings.Cut(text, "\nAbsent:")
		listed := names(row, table, nil)
		missing := names(word, strings.SplitN(rest, "\n\n", 2)[0], nil)
		code := read(t, tt.file)
		present := names(regexp.MustCompile(tt.present), code, tt.name)
		absent := names(regexp.MustCompile(tt.absent), code, tt.name)
		for op := range absent {
			if present[op] { // another form of the same operation
				delete(absent, op)
			}
		}
		if len(present) > 0 {
			compare(t, tt.section+" operations", listed, present)
		}
		if len(absent) > 0 {
			compare(t, tt.section+" absent operations", missing, absent)
		}
	}
}

func compare(t *testing.T, what string, page, code map[string]bool) {
	t.Helper()
	for _, op := range slices.Sorted(maps.Keys(code)) {
		if !page[op] {
			t.Errorf("%s: %s is in the code and not on the page", what, op)
		}
	}
	for _, op := range slices.Sorted(maps.Keys(page)) {
		if !code[op] {
			t.Errorf("%s: %s is on the page and not in the code", what, op)
		}
	}
}

func names(pattern *regexp.Regexp, text string, rename func(string) string) map[string]bool {
	found := map[string]bool{}
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		if len(m) < 2 {
			continue
		}
		if rename != nil {
			m[1] = rename(m[1])
		}
		found[m[1]] = true
	}
	return found
}

// cloudFrontName is the operation behind a handler of the CloudFront door.
func cloudFrontName(handler string) string {
	of, name, _ := strings.Cut(handler, ".")
	if sort, ok := strings.CutSuffix(of, "Policies"); ok {
		policy := strings.ToUpper(sort[:1]) + sort[1:] + "Policy"
		return map[string]string{
			"create": "Create" + policy, "get": "Get" + policy, "getConfig": "Get" + policy + "Config",
			"update": "Update" + policy, "delete": "Delete" + policy,
			"list": "List" + strings.TrimSuffix(policy, "y") + "ies", "distributions": "ListDistributionsBy" + policy + "Id",
		}[name]
	}
	name = strings.ToUpper(name[:1]) + name[1:]
	if name == "ListTags" {
		return "ListTagsForResource"
	}
	name = strings.Replace(name, "AccessControl", "OriginAccessControl", 1)
	return strings.Replace(strings.Replace(name, "AccessIdentities", "CloudFrontOriginAccessIdentities", 1), "AccessIdentity", "CloudFrontOriginAccessIdentity", 1)
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
