package cloudfront

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

var publicKeyConfig = of(
	value("CallerReference", required, text{}, func(c *delivery.PublicKeyConfig) *string { return &c.CallerReference }),
	value("Name", required, text{}, func(c *delivery.PublicKeyConfig) *string { return &c.Name }),
	value("EncodedKey", required, text{}, func(c *delivery.PublicKeyConfig) *string { return &c.EncodedKey }),
	value("Comment", optional, text{}, func(c *delivery.PublicKeyConfig) *string { return &c.Comment }),
)

var publicKey = of(
	show("Id", func(k *delivery.PublicKey) string { return k.ID }),
	show("CreatedTime", func(k *delivery.PublicKey) string { return timestamp(k.CreatedAt) }),
	nested("PublicKeyConfig", optional, publicKeyConfig, func(k *delivery.PublicKey) *delivery.PublicKeyConfig { return &k.Config }),
)

var publicKeySummary = of(
	show("Id", func(k *delivery.PublicKey) string { return k.ID }),
	show("Name", func(k *delivery.PublicKey) string { return k.Config.Name }),
	show("CreatedTime", func(k *delivery.PublicKey) string { return timestamp(k.CreatedAt) }),
	show("EncodedKey", func(k *delivery.PublicKey) string { return k.Config.EncodedKey }),
	show("Comment", func(k *delivery.PublicKey) string { return k.Config.Comment }),
)

var keyGroupConfig = of(
	value("Name", required, text{}, func(c *delivery.KeyGroupConfig) *string { return &c.Name }),
	uncounted("PublicKey", text{}, func(c *delivery.KeyGroupConfig) *[]string { return &c.Keys }),
	value("Comment", optional, text{}, func(c *delivery.KeyGroupConfig) *string { return &c.Comment }),
)

var keyGroup = of(
	show("Id", func(g *delivery.KeyGroup) string { return g.ID }),
	show("LastModifiedTime", func(g *delivery.KeyGroup) string { return timestamp(g.ModifiedAt) }),
	nested("KeyGroupConfig", optional, keyGroupConfig, func(g *delivery.KeyGroup) *delivery.KeyGroupConfig { return &g.Config }),
)

var keyGroupSummary = of(nested("KeyGroup", optional, keyGroup, func(g *delivery.KeyGroup) *delivery.KeyGroup { return g }))

var accessControlConfig = of(
	value("Name", required, text{}, func(c *delivery.AccessControlConfig) *string { return &c.Name }),
	value("Description", optional, text{}, func(c *delivery.AccessControlConfig) *string { return &c.Description }),
	value("SigningProtocol", required, text{}, func(c *delivery.AccessControlConfig) *string { return &c.SigningProtocol }),
	value("SigningBehavior", required, text{}, func(c *delivery.AccessControlConfig) *string { return &c.SigningBehavior }),
	value("OriginAccessControlOriginType", required, text{}, func(c *delivery.AccessControlConfig) *string { return (*string)(&c.OriginType) }),
)

var accessControl = of(
	show("Id", func(a *delivery.AccessControl) string { return a.ID }),
	nested("OriginAccessControlConfig", optional, accessControlConfig, func(a *delivery.AccessControl) *delivery.AccessControlConfig { return &a.Config }),
)

var accessControlSummary = of(
	show("Id", func(a *delivery.AccessControl) string { return a.ID }),
	show("Description", func(a *delivery.AccessControl) string { return a.Config.Description }),
	show("Name", func(a *delivery.AccessControl) string { return a.Config.Name }),
	show("SigningProtocol", func(a *delivery.AccessControl) string { return a.Config.SigningProtocol }),
	show("SigningBehavior", func(a *delivery.AccessControl) string { return a.Config.SigningBehavior }),
	show("OriginAccessControlOriginType", func(a *delivery.AccessControl) string { return string(a.Config.OriginType) }),
)

var accessIdentityConfig = of(
	value("CallerReference", required, text{}, func(c *delivery.AccessIdentityConfig) *string { return &c.CallerReference }),
	value("Comment", required, text{}, func(c *delivery.AccessIdentityConfig) *string { return &c.Comment }),
)

var accessIdentity = of(
	show("Id", func(a *delivery.AccessIdentity) string { return a.ID }),
	show("S3CanonicalUserId", func(a *delivery.AccessIdentity) string { return a.CanonicalUserID }),
	nested("CloudFrontOriginAccessIdentityConfig", optional, accessIdentityConfig, func(a *delivery.AccessIdentity) *delivery.AccessIdentityConfig { return &a.Config }),
)

var accessIdentitySummary = of(
	show("Id", func(a *delivery.AccessIdentity) string { return a.ID }),
	show("S3CanonicalUserId", func(a *delivery.AccessIdentity) string { return a.CanonicalUserID }),
	show("Comment", func(a *delivery.AccessIdentity) string { return a.Config.Comment }),
)

var invalidationConfig = of(
	group("Paths", required, nil, items("Path", text{}, func(c *delivery.InvalidationConfig) *[]string { return &c.Paths })),
	value("CallerReference", required, text{}, func(c *delivery.InvalidationConfig) *string { return &c.CallerReference }),
)

// completed is the status of every invalidation: it has taken effect before
// anyone can ask.
func completed(*delivery.InvalidationInfo) string { return "Completed" }

var invalidation = of(
	show("Id", func(i *delivery.InvalidationInfo) string { return i.ID }),
	show("Status", completed),
	show("CreateTime", func(i *delivery.InvalidationInfo) string { return timestamp(i.CreatedAt) }),
	nested("InvalidationBatch", optional, invalidationConfig, func(i *delivery.InvalidationInfo) *delivery.InvalidationConfig { return &i.Config }),
)

var invalidationSummary = of(
	show("Id", func(i *delivery.InvalidationInfo) string { return i.ID }),
	show("CreateTime", func(i *delivery.InvalidationInfo) string { return timestamp(i.CreatedAt) }),
	show("Status", completed),
)

// distributionView is a distribution with what only the service knows of it.
type distributionView struct {
	*delivery.DistributionInfo
	domainName string
	// groups are the active key groups in the order of their first use.
	groups []activeGroup
}

type activeGroup struct {
	id   string
	keys []string
}

func view(s *delivery.Service, d *delivery.DistributionInfo) *distributionView {
	v := &distributionView{DistributionInfo: d, domainName: s.DomainName(d)}
	active := s.ActiveKeys(d)
	for _, id := range slices.Sorted(maps.Keys(active)) {
		v.groups = append(v.groups, activeGroup{id, active[id]})
	}
	return v
}

var activeKeyGroup = of(
	show("KeyGroupId", func(g *activeGroup) string { return g.id }),
	list("KeyPairIds", "KeyPairId", text{}, func(g *activeGroup) *[]string { return &g.keys }),
)

func deployed(*distributionView) string { return "Deployed" }

var distributionDocument = of(
	show("Id", func(d *distributionView) string { return d.ID }),
	show("ARN", func(d *distributionView) string { return d.ARN() }),
	show("Status", deployed),
	show("LastModifiedTime", func(d *distributionView) string { return timestamp(d.ModifiedAt) }),
	show("InProgressInvalidationBatches", func(*distributionView) string { return "0" }),
	show("DomainName", func(d *distributionView) string { return d.domainName }),
	group("ActiveTrustedSigners", optional, nil,
		show("Enabled", func(*distributionView) string { return "false" }),
		show("Quantity", func(*distributionView) string { return "0" })),
	group("ActiveTrustedKeyGroups", optional, nil,
		show("Enabled", func(d *distributionView) string { return strconv.FormatBool(len(d.groups) > 0) }),
		items("KeyGroup", activeKeyGroup, func(d *distributionView) *[]activeGroup { return &d.groups })),
	nested("DistributionConfig", optional, distributionConfig, func(d *distributionView) *distribution { return &d.Config }),
)

// The members of a summary are those of the configuration, in an order of its own.
var distributionSummary = of(
	show("Id", func(d *distributionView) string { return d.ID }),
	show("ARN", func(d *distributionView) string { return d.ARN() }),
	show("ETag", func(d *distributionView) string { return d.ETag }),
	show("Status", deployed),
	show("LastModifiedTime", func(d *distributionView) string { return timestamp(d.ModifiedAt) }),
	show("DomainName", func(d *distributionView) string { return d.domainName }),
	list("Aliases", "CNAME", text{}, func(d *distributionView) *[]string { return &d.Config.Aliases }),
	list("Origins", "Origin", originConfig, func(d *distributionView) *[]origin { return &d.Config.Origins }),
	list("OriginGroups", "OriginGroup", originGroup, func(d *distributionView) *[]delivery.OriginGroupConfig { return &d.Config.OriginGroups }),
	nested("DefaultCacheBehavior", optional, defaultBehavior, func(d *distributionView) *behavior { return &d.Config.DefaultBehavior }),
	list("CacheBehaviors", "CacheBehavior", cacheBehavior, func(d *distributionView) *[]behavior { return &d.Config.Behaviors }),
	list("CustomErrorResponses", "CustomErrorResponse", customError, func(d *distributionView) *[]delivery.CustomErrorConfig { return &d.Config.CustomErrors }),
	show("Comment", func(d *distributionView) string { return d.Config.Comment }),
	show("PriceClass", func(d *distributionView) string { return d.Config.PriceClass }),
	show("Enabled", func(d *distributionView) string { return strconv.FormatBool(d.Config.Enabled) }),
	nested("ViewerCertificate", optional, viewerCertificate, func(d *distributionView) *delivery.CertificateConfig { return &d.Config.ViewerCertificate }),
	group("Restrictions", optional, nil,
		nested("GeoRestriction", optional, geoRestriction, func(d *distributionView) *delivery.GeoConfig { return &d.Config.Geo })),
	show("WebACLId", func(d *distributionView) string { return d.Config.WebACLID }),
	// Upper case here and lower case in the configuration is AWS's way.
	show("HttpVersion", func(d *distributionView) string { return strings.ToUpper(d.Config.HTTPVersion) }),
	show("IsIPV6Enabled", func(d *distributionView) string { return strconv.FormatBool(d.Config.IPv6) }),
	show("Staging", func(d *distributionView) string { return strconv.FormatBool(d.Config.Staging) }),
	show("ConnectionMode", func(d *distributionView) string { return d.Config.ConnectionMode }),
)

var conflictingAlias = of(
	show("Alias", func(a *delivery.ConflictingAlias) string { return a.Alias }),
	show("DistributionId", func(a *delivery.ConflictingAlias) string { return a.Distribution }),
	show("AccountId", func(a *delivery.ConflictingAlias) string { return a.Account }),
)

// tag is one tag of a resource.
type tag struct{ key, value string }

var tagShape = of(
	value("Key", required, text{}, func(t *tag) *string { return &t.key }),
	value("Value", optional, text{}, func(t *tag) *string { return &t.value }),
)

type tagList struct{ items []tag }

var tags = of(uncounted("Tag", tagShape, func(l *tagList) *[]tag { return &l.items }))

type tagKeyList struct{ items []string }

var tagKeys = of(uncounted("Key", text{}, func(l *tagKeyList) *[]string { return &l.items }))

type taggedDistribution struct {
	config distribution
	tags   tagList
}

var distributionConfigWithTags = &shape[taggedDistribution]{
	defaults: func() taggedDistribution { return taggedDistribution{config: delivery.NewDistributionConfig()} },
	members: []member[taggedDistribution]{
		nested("DistributionConfig", required, distributionConfig, func(t *taggedDistribution) *distribution { return &t.config }),
		nested("Tags", required, tags, func(t *taggedDistribution) *tagList { return &t.tags }),
	},
}

// page is one page of a list as it is written.
type page[T any] struct {
	items       []T
	next, after string
	max         int
}

func pageOf[T, V any](l *delivery.List[T], convert func(T) V) *page[V] {
	p := &page[V]{next: l.Next, after: l.After, max: l.Max}
	for _, item := range l.Items {
		p.items = append(p.items, convert(item))
	}
	return p
}

// marked is the codec of lists that say where they began and whether they go on.
func marked[V any](item string, c codec[V]) *shape[page[V]] {
	return of(
		show("Marker", func(p *page[V]) string { return p.after }),
		next[V](),
		show("MaxItems", func(p *page[V]) string { return strconv.Itoa(p.max) }),
		show("IsTruncated", func(p *page[V]) string { return strconv.FormatBool(p.next != "") }),
		items(item, c, func(p *page[V]) *[]V { return &p.items }),
	)
}

// unmarked is the codec of lists that go on exactly if they have a NextMarker.
func unmarked[V any](item string, c codec[V]) *shape[page[V]] {
	return of(
		next[V](),
		show("MaxItems", func(p *page[V]) string { return strconv.Itoa(p.max) }),
		items(item, c, func(p *page[V]) *[]V { return &p.items }),
	)
}

func next[V any]() member[page[V]] {
	return value("NextMarker", sparse, text{}, func(p *page[V]) *string { return &p.next })
}

// tagAnswer is tags as they are answered: Items stands there even when it is
// empty, since clients read through it.
var tagAnswer = of(group("Items", optional, nil, elements("Tag", tagShape, func(l *tagList) *[]tag { return &l.items })))
