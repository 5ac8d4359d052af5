package main

import (
	"context"
	"encoding/pem"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyfront-project/keyfront/internal/rotation"
)

// serviceKeys makes signing keys in AWS KMS. The key service has no names of the
// caller's choice, so a key carries its name in its description.
type serviceKeys struct {
	api  *kms.Client
	spec string
	// drawn are the names of this process: no earlier one can have made them.
	drawn map[string]bool
}

var _ rotation.Service = (*serviceKeys)(nil)

func describing(name string) string { return "keyfront rotate-cloudfront " + name }

// Make implements rotation.Service.
func (k *serviceKeys) Make(ctx context.Context, name string) (ref, public string, err error) {
	if !k.drawn[name] {
		if ref, err = k.find(ctx, name); err != nil {
			return "", "", err
		}
	}
	if ref == "" {
		made, err := k.api.CreateKey(ctx, &kms.CreateKeyInput{
			KeySpec: kmstypes.KeySpec(k.spec), KeyUsage: kmstypes.KeyUsageTypeSignVerify, Description: aws.String(describing(name)),
		})
		if err != nil {
			return "", "", err
		}
		ref = *made.KeyMetadata.Arn
		// A second attempt, should the rest fail, has something to find.
		k.drawn[name] = false
	}
	half, err := k.api.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &ref})
	if err != nil {
		return "", "", err
	}
	return ref, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: half.PublicKey})), nil
}

// find returns the ARN of the key that was made under a name, "" if none was.
func (k *serviceKeys) find(ctx context.Context, name string) (ref string, err error) {
	pages := kms.NewListKeysPaginator(k.api, &kms.ListKeysInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		for _, key := range page.Keys {
			known, err := k.api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: key.KeyId})
			if err != nil {
				return "", err
			}
			if aws.ToString(known.KeyMetadata.Description) == describing(name) && known.KeyMetadata.KeyState == kmstypes.KeyStateEnabled {
				return *known.KeyMetadata.Arn, nil
			}
		}
	}
	return "", nil
}

// Destroy implements rotation.Service, after the shortest waiting period.
func (k *serviceKeys) Destroy(ctx context.Context, ref string) error {
	_, err := k.api.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: &ref, PendingWindowInDays: aws.Int32(7)})
	var gone *kmstypes.NotFoundException
	var already *kmstypes.KMSInvalidStateException
	if errors.As(err, &gone) || errors.As(err, &already) {
		return nil
	}
	return err
}

// distributedKeys brings public halves to CloudFront.
type distributedKeys struct {
	api   *cloudfront.Client
	group string
	logs  *accessLogs // nil: nobody knows who comes in
	// since is from when on uses matter.
	since time.Time
}

var _ rotation.Edge = (*distributedKeys)(nil)

// Publish implements rotation.Edge.
func (d *distributedKeys) Publish(ctx context.Context, name, public string) (id string, err error) {
	title := "keyfront-" + name
	made, err := d.api.CreatePublicKey(ctx, &cloudfront.CreatePublicKeyInput{PublicKeyConfig: &cftypes.PublicKeyConfig{
		CallerReference: &name, Name: &title, EncodedKey: &public,
	}})
	if _, ok := errors.AsType[*cftypes.PublicKeyAlreadyExists](err); ok {
		return d.find(ctx, title)
	}
	if err != nil {
		return "", err
	}
	return *made.PublicKey.Id, nil
}

// find returns the id of a public key by its name.
func (d *distributedKeys) find(ctx context.Context, title string) (id string, err error) {
	in := &cloudfront.ListPublicKeysInput{}
	for {
		page, err := d.api.ListPublicKeys(ctx, in)
		if err != nil {
			return "", err
		}
		for _, k := range page.PublicKeyList.Items {
			if *k.Name == title {
				return *k.Id, nil
			}
		}
		if in.Marker = page.PublicKeyList.NextMarker; aws.ToString(in.Marker) == "" {
			return "", errors.New("CloudFront says that a public key of this name exists, and does not list it")
		}
	}
}

// edit replaces the keys of the group by what fn wants, nil for no change.
func (d *distributedKeys) edit(ctx context.Context, fn func(keys []string) []string) error {
	for {
		group, err := d.api.GetKeyGroup(ctx, &cloudfront.GetKeyGroupInput{Id: &d.group})
		if err != nil {
			return err
		}
		c := group.KeyGroup.KeyGroupConfig
		if c.Items = fn(c.Items); c.Items == nil {
			return nil
		}
		_, err = d.api.UpdateKeyGroup(ctx, &cloudfront.UpdateKeyGroupInput{Id: &d.group, IfMatch: group.ETag, KeyGroupConfig: c})
		var stale *cftypes.PreconditionFailed
		if !errors.As(err, &stale) {
			return err
		}
	}
}

// Admit implements rotation.Edge.
func (d *distributedKeys) Admit(ctx context.Context, id string) error {
	return d.edit(ctx, func(keys []string) []string {
		if slices.Contains(keys, id) {
			return nil
		}
		return append(keys, id)
	})
}

// Serving implements rotation.Edge: every distribution that trusts the group is
// deployed and names the key as active.
func (d *distributedKeys) Serving(ctx context.Context, id string) (bool, error) {
	in := &cloudfront.ListDistributionsByKeyGroupInput{KeyGroupId: &d.group}
	for {
		page, err := d.api.ListDistributionsByKeyGroup(ctx, in)
		if err != nil {
			return false, err
		}
		for _, name := range page.DistributionIdList.Items {
			serving, err := d.serves(ctx, name, id)
			if err != nil || !serving {
				return false, err
			}
		}
		if in.Marker = page.DistributionIdList.NextMarker; aws.ToString(in.Marker) == "" {
			return true, nil
		}
	}
}

func (d *distributedKeys) serves(ctx context.Context, distribution, id string) (bool, error) {
	got, err := d.api.GetDistribution(ctx, &cloudfront.GetDistributionInput{Id: &distribution})
	if err != nil {
		return false, err
	}
	active := got.Distribution.ActiveTrustedKeyGroups
	if aws.ToString(got.Distribution.Status) != "Deployed" || active == nil {
		return false, nil
	}
	for _, g := range active.Items {
		if aws.ToString(g.KeyGroupId) == d.group && g.KeyPairIds != nil && slices.Contains(g.KeyPairIds.Items, id) {
			return true, nil
		}
	}
	return false, nil
}

// Seen implements rotation.Edge.
func (d *distributedKeys) Seen(ctx context.Context, id string) (first, last time.Time, err error) {
	if d.logs == nil {
		return first, last, nil
	}
	return d.logs.seen(ctx, id, d.since)
}

// Expel implements rotation.Edge.
func (d *distributedKeys) Expel(ctx context.Context, id string) error {
	err := d.edit(ctx, func(keys []string) []string {
		if !slices.Contains(keys, id) {
			return nil
		}
		return slices.DeleteFunc(keys, func(k string) bool { return k == id })
	})
	if _, ok := errors.AsType[*cftypes.NoSuchResource](err); ok {
		return nil
	}
	return err
}

// Forget implements rotation.Edge.
func (d *distributedKeys) Forget(ctx context.Context, id string) error {
	key, err := d.api.GetPublicKey(ctx, &cloudfront.GetPublicKeyInput{Id: &id})
	if err == nil {
		_, err = d.api.DeletePublicKey(ctx, &cloudfront.DeletePublicKeyInput{Id: &id, IfMatch: key.ETag})
	}
	if _, ok := errors.AsType[*cftypes.NoSuchPublicKey](err); ok {
		return nil
	}
	return err
}
