package iam

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

// pageOf reads the parameters of every list.
func pageOf(f query.Form) identity.Page {
	p := identity.Page{Marker: f.Given("Marker"), Max: f.Int("MaxItems", identity.DefaultPage)}
	if err := p.Check(); err != nil {
		f.Refuse(err)
	}
	return p
}

func readTags(f query.Form) []identity.Tag {
	var tags []identity.Tag
	for _, t := range f.List("Tags") {
		t.Require("Value")
		tags = append(tags, identity.Tag{Key: t.String("Key"), Value: t.Optional("Value")})
	}
	return tags
}

// done carries out an operation that answers nothing.
func done(fn func(ctx context.Context, who access.Caller) error) querydoor.Run {
	return func(ctx context.Context, who access.Caller) (any, error) { return nil, fn(ctx, who) }
}

// optional is a parameter that may be absent, which differs from empty.
func optional(f query.Form, name string) *string {
	if v, ok := f.Lookup(name); ok {
		return &v
	}
	return nil
}
