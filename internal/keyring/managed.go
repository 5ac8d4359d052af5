package keyring

import (
	"context"
	"errors"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
)

// managedServices are the services that have a key in each account.
var managedServices = map[string]struct{ title, description string }{
	"s3":             {"S3", "Default key that protects my S3 objects when no other key is defined"},
	"ssm":            {"SSM", "Default key that protects my SSM parameters when no other key is defined"},
	"secretsmanager": {"AWS Secrets Manager", "Default key that protects my Secrets Manager data when no other key is defined"},
}

// managedPolicy is the policy of the key that a service manages in one account:
// everybody there may use it, but only through the service.
//
// Source: AWS KMS Developer Guide, "AWS managed keys".
func managedPolicy(m realm, service string) string {
	title := managedServices[service].title
	via, account := service+"."+m.region+".amazonaws.com", string(m.account)
	return `{"Version":"2012-10-17","Id":"auto-` + service + `-2","Statement":[` +
		`{"Sid":"Allow access through ` + title + ` for all principals in the account that are authorized to use ` + title + `","Effect":"Allow","Principal":{"AWS":"*"},` +
		`"Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*","kms:CreateGrant","kms:DescribeKey"],"Resource":"*",` +
		`"Condition":{"StringEquals":{"kms:CallerAccount":"` + account + `","kms:ViaService":"` + via + `"}}},` +
		`{"Sid":"Allow direct access to key metadata to the account","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},` +
		`"Action":["kms:Describe*","kms:Get*","kms:List*","kms:RevokeGrant"],"Resource":"*"}]}`
}

// managedService reports which service's key ref names by its alias, in the
// caller's own account and region.
func managedService(who *access.Caller, ref string) (string, bool) {
	name := strings.TrimPrefix(ref, kmsARN(who.Region, who.Account(), ""))
	service, ok := strings.CutPrefix(name, reservedPrefix)
	if !ok || managedServices[service].title == "" {
		return "", false
	}
	return service, true
}

// ManagedKey returns the ARN of the key that service, for instance "s3", manages
// in the caller's account and region: alias/aws/s3. It is made when it is first
// asked for, which is recorded; looking it up is not, since every use of the key
// is. It returns ErrNotFound about services that manage no keys.
//
// Source: AWS KMS Developer Guide, "AWS managed keys".
func (r *Ring) ManagedKey(ctx context.Context, who access.Caller, service string) (keyARN string, err error) {
	own := realm{who.Account(), who.Region}
	name := reservedPrefix + service
	if k := r.index.alias(own, name); k != nil {
		return k.arn, nil
	}
	if managedServices[service].title == "" {
		return "", aliasNotFound(own, name)
	}
	// Another call may be faster: then its key is the one.
	if err := r.createManaged(ctx, who, service); err != nil && !errors.Is(err, ErrExists) {
		return "", err
	}
	if err := r.refresh(ctx, 0); err != nil {
		return "", err
	}
	if k := r.index.alias(own, name); k != nil {
		return k.arn, nil
	}
	return "", aliasNotFound(own, name)
}

// createManaged makes the key that a service manages, unless there is one: then
// it returns ErrExists.
func (r *Ring) createManaged(ctx context.Context, who access.Caller, service string) (err error) {
	call := r.gate.Begin(who, "kms:CreateKey")
	defer call.End(ctx, &err)
	p, err := r.newPath(&who)
	if err != nil {
		return err
	}
	name := reservedPrefix + service
	call.Note("aliasName", name)
	call.On(p.arn())
	call.Open()

	secret, err := r.generate(specs[Symmetric])
	if err != nil {
		return err
	}
	defer secret.Wipe()
	now := toMillis(r.clock.Now())
	return call.Effect(ctx, func() error {
		return r.mutate(ctx, func(c *change) error {
			rec := &keyRecord{
				Created: now, Spec: Symmetric, Usage: EncryptDecrypt, Origin: FromKMS, Manager: Service,
				State: Enabled, Description: managedServices[service].description, Policy: managedPolicy(p.realm, service),
				Rotation: &rotationRecord{Days: DefaultRotationDays, Next: toMillis(now.time().AddDate(0, 0, DefaultRotationDays))},
			}
			if err := c.addAlias(p, rec, name, aliasRecord{Created: now, Updated: now}); err != nil {
				return err
			}
			return r.putNew(c, p, rec, secret)
		})
	})
}
