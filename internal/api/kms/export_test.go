package kms

import "github.com/keyfront-project/keyfront/internal/wire/awsjson"

// WireErrors lists the errors of the table with their codes.
func WireErrors() map[error]string {
	out := make(map[error]string)
	for _, e := range refusals {
		out[e.err] = e.code
	}
	return out
}

// Constraints is the table of constraints.
func Constraints() map[string][]awsjson.Rule { return constraints }

// OperationNames lists the dispatch table.
func OperationNames() (names []string) {
	for name := range operations {
		names = append(names, name)
	}
	return names
}
