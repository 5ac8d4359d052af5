package cloudfront

import (
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

// storeRequest is what CreateKeyValueStore is asked with.
type storeRequest struct {
	config delivery.KeyValueStoreConfig
	source *importSource
	tags   tagList
}

type importSource struct{ kind, arn string }

var storeCreate = of(
	value("Name", required, text{}, func(r *storeRequest) *string { return &r.config.Name }),
	value("Comment", optional, text{}, func(r *storeRequest) *string { return &r.config.Comment }),
	pointer("ImportSource", of(
		value("SourceType", required, text{}, func(s *importSource) *string { return &s.kind }),
		value("SourceARN", required, text{}, func(s *importSource) *string { return &s.arn }),
	), func(r *storeRequest) **importSource { return &r.source }),
	nested("Tags", optional, tags, func(r *storeRequest) *tagList { return &r.tags }),
)

type storeComment struct{ comment string }

var storeUpdate = of(value("Comment", required, text{}, func(r *storeComment) *string { return &r.comment }))

var keyValueStore = of(
	show("Name", func(k *delivery.KeyValueStore) string { return k.Name }),
	show("Id", func(k *delivery.KeyValueStore) string { return k.ID }),
	// Terraform takes an empty comment for another than none.
	value("Comment", sparse, text{}, func(k *delivery.KeyValueStore) *string { return &k.Comment }),
	show("ARN", (*delivery.KeyValueStore).ARN),
	show("Status", func(*delivery.KeyValueStore) string { return delivery.Ready }),
	show("LastModifiedTime", func(k *delivery.KeyValueStore) string { return timestamp(k.ModifiedAt) }),
)

func (d *Door) createStore(c *call) (*answer, error) {
	in, err := body(c, "CreateKeyValueStoreRequest", storeCreate)
	if err != nil {
		return nil, err
	}
	if in.config.Tags, err = in.tags.set(); err != nil {
		return nil, err
	}
	switch {
	case in.source != nil && (in.source.kind != "S3" || in.source.arn == ""):
		return nil, refusal.New(delivery.ErrInvalid, "The parameter ImportSource needs the SourceType S3 and a SourceARN.")
	case in.source != nil:
		in.config.Import = in.source.arn
	}
	k, err := d.service.CreateKeyValueStore(c.Context(), c.Caller, in.config)
	if err != nil {
		return nil, err
	}
	return made("KeyValueStore", keyValueStore, k, k.Name, k.ETag), nil
}

func (d *Door) describeStore(c *call) (*answer, error) {
	k, err := d.service.DescribeKeyValueStore(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	return found("KeyValueStore", keyValueStore, k, k.ETag), nil
}

func (d *Door) listStores(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListKeyValueStores(c.Context(), c.Caller, c.URL.Query().Get("Status"), p)
	if err != nil {
		return nil, err
	}
	return found("KeyValueStoreList", unmarked("KeyValueStore", keyValueStore), pageOf(l, each[delivery.KeyValueStore]), ""), nil
}

func (d *Door) updateStore(c *call) (*answer, error) {
	in, err := body(c, "UpdateKeyValueStoreRequest", storeUpdate)
	if err != nil {
		return nil, err
	}
	k, err := d.service.UpdateKeyValueStore(c.Context(), c.Caller, c.ids[0], c.ifMatch(), in.comment)
	if err != nil {
		return nil, err
	}
	return found("KeyValueStore", keyValueStore, k, k.ETag), nil
}

func (d *Door) deleteStore(c *call) (*answer, error) {
	return &answer{}, d.service.DeleteKeyValueStore(c.Context(), c.Caller, c.ids[0], c.ifMatch())
}
