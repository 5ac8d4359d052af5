// Package arn reads and writes Amazon Resource Names.
//
// Source: IAM User Guide, "Identify AWS resources with ARNs".
package arn

import (
	"fmt"
	"strings"
)

// AccountID is the 12-digit number of an account.
type AccountID string

// ARN is a resource name in its six parts. Its zero value is no resource.
type ARN struct {
	Partition string // "aws"
	Service   string // "kms"
	Region    string // "" for global services
	Account   AccountID
	Resource  string // "key/1234", may contain colons and slashes
}

// Parse splits s into its parts. It checks the form, not what the service
// makes of it.
func Parse(s string) (ARN, error) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[1] == "" || p[2] == "" || p[5] == "" {
		return ARN{}, fmt.Errorf("arn: malformed %.64q", s)
	}
	return ARN{Partition: p[1], Service: p[2], Region: p[3], Account: AccountID(p[4]), Resource: p[5]}, nil
}

func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + string(a.Account) + ":" + a.Resource
}
