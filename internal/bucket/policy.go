package bucket

import (
	"encoding/json"
	"strings"

	"github.com/keyfront-project/keyfront/internal/policy"
)

// checkPolicyResources wants every resource of the policy to be the bucket or
// among its objects. doc is a valid policy already.
func checkPolicyResources(doc *policy.Document, bucket string) error {
	var p struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(doc.String()), &p); err != nil {
		return ErrMalformedPolicy
	}
	type statement struct{ Resource, NotResource json.RawMessage }
	var list []statement
	if err := json.Unmarshal(oneOrMany(p.Statement), &list); err != nil {
		return ErrMalformedPolicy
	}
	for _, st := range list {
		for _, raw := range []json.RawMessage{st.Resource, st.NotResource} {
			if raw == nil {
				continue
			}
			var names []string
			if err := json.Unmarshal(oneOrMany(raw), &names); err != nil {
				return ErrMalformedPolicy
			}
			for _, name := range names {
				rest, ok := strings.CutPrefix(name, "arn:aws:s3:::"+bucket)
				if !ok || rest != "" && rest[0] != '/' && rest[0] != '*' {
					return ErrPolicyResource
				}
			}
		}
	}
	return nil
}

// oneOrMany makes a list of what policies write as one value or as a list.
func oneOrMany(raw json.RawMessage) json.RawMessage {
	if s := strings.TrimSpace(string(raw)); !strings.HasPrefix(s, "[") {
		return json.RawMessage("[" + s + "]")
	}
	return raw
}
