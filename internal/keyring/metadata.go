package keyring

import (
	"context"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
)

// Manager says who looks after a key.
type Manager string

const (
	// Customer keys belong to the account that made them.
	Customer Manager = "CUSTOMER"
	// Service keys are made by a service for an account: the "AWS managed keys".
	Service Manager = "AWS"
)

// Metadata describes a key.
type Metadata struct {
	ID          KeyID
	ARN         string
	Account     arn.AccountID
	Created     time.Time
	Description string
	Spec        KeySpec
	Usage       KeyUsage
	Algorithms  []Algorithm
	State       State
	Origin      Origin
	Manager     Manager
	// Deletion is when a key in PendingDeletion ends; zero otherwise.
	Deletion time.Time
	// Window is the waiting period in days of a key in PendingReplicaDeletion.
	Window int
	// Multi is nil for keys that are not multi-Region keys.
	Multi *MultiRegion
	// MaterialID names the current material of a symmetric key.
	MaterialID string
	// Expiration is set on keys with imported material; ValidTo is when the
	// first of it expires, zero if none does.
	Expiration ExpirationModel
	ValidTo    time.Time
}

func (k *key) metadata(now time.Time) Metadata {
	m := Metadata{
		ID: k.id, ARN: k.arn, Account: k.account, Created: k.Created.time(), Description: k.Description,
		Spec: k.Spec, Usage: k.Usage, Algorithms: k.algorithms, State: k.stateAt(now), Origin: k.Origin,
		Manager: k.Manager, Deletion: k.Deletion.time(),
		Window: k.Window, Multi: k.multiRegion(),
	}
	if k.spec.family == symmetricKey && len(k.Materials) > 0 {
		m.MaterialID = k.current().id
	}
	if k.Origin == External && m.State != PendingImport && k.complete() {
		m.Expiration, m.ValidTo = DoesNotExpire, k.expires.time()
		if k.expires != 0 {
			m.Expiration = Expires
		}
	}
	return m
}

// Describe returns what is known about a key. Naming the alias of an AWS managed
// key makes that key if the account lacks it.
//
// Source: AWS KMS API Reference, DescribeKey.
func (r *Ring) Describe(ctx context.Context, who access.Caller, use Use) (m Metadata, err error) {
	if service, ok := managedService(&who, use.Key); ok {
		if _, err := r.ManagedKey(ctx, who, service); err != nil {
			return m, err
		}
	}
	call := r.begin(&who, opDescribeKey)
	defer call.End(ctx, &err)
	if err := use.note(call); err != nil {
		return m, err
	}
	k, err := r.admitUse(ctx, call, &who, opDescribeKey, &use)
	if err != nil {
		return m, err
	}
	return k.metadata(r.clock.Now()), nil
}
