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
	// MaterialID names the current material of a symmetric key.
	MaterialID string
}

func (k *key) metadata() Metadata {
	m := Metadata{
		ID: k.id, ARN: k.arn, Account: k.account, Created: k.Created.time(), Description: k.Description,
		Spec: k.Spec, Usage: k.Usage, Algorithms: k.algorithms, State: k.State, Origin: k.Origin,
		Manager: k.Manager, Deletion: k.Deletion.time(),
	}
	if k.spec.family == symmetricKey {
		m.MaterialID = k.current().id
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
	return k.metadata(), nil
}
