package identity

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/form"
)

// Quotas of an account and its entities.
//
// Source: IAM User Guide, "IAM and AWS STS quotas".
const (
	maxUsers            = 5000
	maxGroups           = 300
	maxRoles            = 1000
	maxPolicies         = 1500
	maxProfiles         = 1000
	maxDevicesPerUser   = 8
	maxKeysPerUser      = 2
	maxGroupsPerUser    = 10
	maxAttached         = 10
	MaxVersions         = 5
	MaxTags             = 50
	maxManagedChars     = 6144
	maxTrustChars       = 2048
	maxUserInlineChars  = 2048
	maxGroupInlineChars = 5120
	maxRoleInlineChars  = 10240
)

const tagPattern = `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`

var (
	nameForm        = form.New(`^[\w+=,.@-]+$`)
	pathForm        = form.New(`^(/|/[\x21-\x7e]+/)$`)
	prefixForm      = form.New(`^/[\x21-\x7e]*$`)
	descriptionForm = form.New(`^[\t\n\r\x20-\x7e\x{a1}-\x{ff}]*$`)
	tagForm         = form.New(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	aliasForm       = form.New(`^[a-z0-9](([a-z0-9]|-)*[a-z0-9])?$`)
)

// checkName says whether a name has 1 to max letters that names may have.
func checkName(member, name string, maxLen int) error {
	if err := checkLength(member, name, 1, maxLen); err != nil {
		return err
	}
	if !nameForm.MatchString(name) {
		return fail(ErrValidation, "The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", member)
	}
	return nil
}

// checkLength says whether a text has from low to high characters.
func checkLength(member, text string, low, high int) error {
	switch n := utf8.RuneCountInString(text); {
	case n < low:
		return invalid(member, text, fmt.Sprintf("have length greater than or equal to %d", low))
	case n > high:
		return invalid(member, text, fmt.Sprintf("have length less than or equal to %d", high))
	}
	return nil
}

// checkNew checks the name and path of a new entity and fills in the path.
func checkNew(who *access.Caller, member string, m *Meta, maxLen int) error {
	if err := checkName(member, m.Name, maxLen); err != nil {
		return err
	}
	if m.Path == "" {
		m.Path = "/"
	}
	if err := checkPath("path", m.Path); err != nil {
		return err
	}
	var err error
	m.Tags, err = checkTags(who, nil, m.Tags)
	return err
}

func checkPath(member, path string) error {
	if err := checkLength(member, path, 1, 512); err != nil {
		return err
	}
	if !pathForm.MatchString(path) {
		return fail(ErrValidation, "The specified value for %s is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.", member)
	}
	return nil
}

func checkPrefix(prefix string) error {
	if prefix != "" && (len(prefix) > 512 || !prefixForm.MatchString(prefix)) {
		return fail(ErrValidation, "The specified value for pathPrefix is invalid. It must begin with / and contain only alphanumeric characters and/or / characters.")
	}
	return nil
}

func checkDescription(text string) error {
	if err := checkLength("description", text, 0, 1000); err != nil {
		return err
	}
	if !descriptionForm.MatchString(text) {
		return invalid("description", text, `satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`)
	}
	return nil
}

func checkMaxSession(d time.Duration) error {
	return checkDuration("maxSessionDuration", d, time.Hour, 12*time.Hour)
}

func checkDuration(member string, d, low, high time.Duration) error {
	switch {
	case d < low:
		return invalid(member, int(d.Seconds()), fmt.Sprintf("have value greater than or equal to %d", int(low.Seconds())))
	case d > high:
		return invalid(member, int(d.Seconds()), fmt.Sprintf("have value less than or equal to %d", int(high.Seconds())))
	}
	return nil
}

// checkEnum wants one of the values.
func checkEnum(member, value string, values ...string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return invalid(member, value, "satisfy enum value set: ["+strings.Join(values, ", ")+"]")
}

// checkTags lays news over have and returns them in the order of their keys.
// Keys differ in more than case.
func checkTags(who *access.Caller, have, news []Tag) ([]Tag, error) {
	merged := slices.Clone(have)
	seen := map[string]bool{}
	for i, t := range news {
		if err := checkTagKey(who, fmt.Sprintf("tags.%d.member.key", i+1), t.Key); err != nil {
			return nil, err
		}
		member := fmt.Sprintf("tags.%d.member.value", i+1)
		if err := checkLength(member, t.Value, 0, 256); err != nil {
			return nil, err
		}
		if !tagForm.MatchString(t.Value) {
			return nil, invalid(member, t.Value, "satisfy regular expression pattern: "+tagPattern)
		}
		key := strings.ToLower(t.Key)
		if seen[key] {
			return nil, fail(ErrInvalidInput, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
		merged = slices.DeleteFunc(merged, func(old Tag) bool { return strings.EqualFold(old.Key, t.Key) })
		merged = append(merged, t)
	}
	if len(merged) > MaxTags {
		return nil, fail(ErrLimit, "The number of tags has reached the maximum limit.")
	}
	slices.SortFunc(merged, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	return merged, nil
}

var errReservedTag = fail(ErrInvalidInput, "Tag keys starting with 'aws:' are reserved for system use.")

func checkTagKey(who *access.Caller, member, key string) error {
	if err := checkLength(member, key, 1, 128); err != nil {
		return err
	}
	switch {
	case !tagForm.MatchString(key):
		return invalid(member, key, `satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`)
	case who.ReservedTag(key):
		return errReservedTag
	}
	return nil
}

// mergeTags lays over on base; where keys are equal but for case, over wins.
func mergeTags(base, over []Tag) []Tag {
	if len(over) == 0 {
		return base
	}
	merged := slices.Clone(over)
	for _, t := range base {
		if !slices.ContainsFunc(over, func(o Tag) bool { return strings.EqualFold(o.Key, t.Key) }) {
			merged = append(merged, t)
		}
	}
	return merged
}

// checkPolicyARN says whether text is the name of a managed policy, of whichever
// account.
func checkPolicyARN(text string) (arn.ARN, error) {
	if err := checkLength("policyArn", text, 20, 2048); err != nil {
		return arn.ARN{}, err
	}
	a, err := arn.Parse(text)
	if err != nil || a.Service != "iam" || !strings.HasPrefix(a.Resource, "policy/") {
		return arn.ARN{}, fail(ErrValidation, "Invalid ARN:  Could not be parsed!")
	}
	return a, nil
}
