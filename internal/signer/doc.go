// Package signer keeps signing profiles: what may be signed for viewers, for how
// long and by whom, and the keys that sign, which it replaces before they grow
// old (package rotation).
//
// A Service promises:
//
//   - Private halves stay in the key service, under a policy that lets this
//     service sign for the one profile and nobody else.
//   - Nothing is signed beyond the profile: its resources, its longest validity,
//     its address condition. Nor beyond the caller's policies, which may name each
//     resource and its validity.
//   - What is signed is in the audit record before it is answered: who, what, until
//     when.
//   - No signature names a key that the edge does not serve with, and no key
//     leaves the edge before what it signed has expired.
//
// Profiles live per account and region, in store.Records
// (docs/spec/signer-records.md), and in memory. docs/signing.md has the actions
// and condition keys.
package signer
