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
	}{
		{"KMS", "internal/api/kms/operations.go", `"(\w+)":\s+(?:answers|silent)\(`, `"(\w+)":\s+lacks`},
		{"S3", "internal/api/s3/routes.go", `\{"([A-Z]\w+)", \(\*exchange\)`, `\{"([A-Z]\w+)", nil\}`},
		{"CloudFront", "internal/api/cloudfront/routes.go", `\{"(\w+)", http\.Method`, `^$`},
		{"CloudFront", "internal/api/cloudfront/unsupported.go", `^$`, `"(\w+)"\},\n`},
		{"CloudFront KeyValueStore", "internal/api/keyvalue/door.go", `\{"(\w+)", http\.Method`, `^$`},
		{"Lambda", "internal/api/lambda/routes.go", `\{"(\w+)", http\.Method`, `^$`},
		{"Lambda", "internal/api/lambda/unsupported.go", `^$`, `"(\w+)"\},\n`},
		{"CloudFormation", "internal/api/cloudformation/cloudformation.go", `"([A-Z]\w+)":\s+s\.`, `^$`},
		{"CloudTrail", "internal/api/cloudtrail/operations.go", `"(\w+)":\s+jsondoor\.Answers`, `"(\w+)":\s+lacks`},
		{"IAM", "internal/api/iam/iam.go", `"([A-Z]\w+)":\s+s\.`, `^$`},
		{"Secrets Manager", "internal/api/secretsmanager/secretsmanager.go", `"(\w+)":\s+jsondoor\.Answers`, `"(\w+)":\s+lacks`},
		{"Systems Manager", "internal/api/ssm/ssm.go", `"(\w+)":\s+jsondoor\.Answers`, `^$`},
		{"STS", "internal/api/sts/sts.go", `"([A-Z]\w+)":\s+s\.`, `^$`},
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
		listed := names(row, table)
		missing := names(word, strings.SplitN(rest, "\n\n", 2)[0])
		code := read(t, tt.file)
		present := names(regexp.MustCompile(tt.present), code)
		absent := names(regexp.MustCompile(tt.absent), code)
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

func names(pattern *regexp.Regexp, text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		if len(m) < 2 {
			continue
		}
		found[m[1]] = true
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
