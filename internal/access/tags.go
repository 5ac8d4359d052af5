package access

import "strings"

// Tag is one label of a principal or a resource.
type Tag struct{ Key, Value string }

// ReservedTag tells whether tags of that key are not the caller's to give: keys that
// begin with "aws:" are the services' own. CloudFormation gives what it makes for a
// caller those that begin with "aws:cloudformation:".
func (c *Caller) ReservedTag(key string) bool {
	if len(key) < 4 || !strings.EqualFold(key[:4], "aws:") {
		return false
	}
	return !strings.HasPrefix(key, "aws:cloudformation:") || !strings.HasPrefix(c.Via, "cloudformation.")
}

// RequestTags fills in the condition keys about the tags that the request gives:
// aws:RequestTag and aws:TagKeys.
func (c *Call) RequestTags(tags []Tag) {
	if len(tags) == 0 {
		return
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = t.Key
		c.Keys.SetIn("aws:RequestTag/", t.Key, t.Value)
	}
	c.Keys.SetList("aws:TagKeys", names)
}

// ResourceTags fills in the condition keys about the tags of the resource:
// aws:ResourceTag and what else the service calls it, such as "iam:ResourceTag/".
func (c *Call) ResourceTags(tags []Tag, also ...string) {
	for _, t := range tags {
		c.Keys.SetIn("aws:ResourceTag/", t.Key, t.Value)
		for _, family := range also {
			c.Keys.SetIn(family, t.Key, t.Value)
		}
	}
}
