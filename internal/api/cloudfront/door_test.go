package cloudfront_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/cloudfront"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// minimal is the shortest configuration that is accepted; rows replace parts.
const minimal = `<DistributionConfig xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/">` +
	`<CallerReference>ref</CallerReference>` +
	`<Origins><Quantity>1</Quantity><Items><Origin><Id>web</Id><DomainName>origin.example.com</DomainName>` +
	`<CustomOriginConfig><HTTPPort>80</HTTPPort><HTTPSPort>443</HTTPSPort><OriginProtocolPolicy>http-only</OriginProtocolPolicy></CustomOriginConfig>` +
	`</Origin></Items></Origins>` +
	`<DefaultCacheBehavior><TargetOriginId>web</TargetOriginId><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy>` +
	`<ForwardedValues><QueryString>false</QueryString><Cookies><Forward>none</Forward></Cookies></ForwardedValues>` +
	`</DefaultCacheBehavior>` +
	`<Comment></Comment><Enabled>true</Enabled></DistributionConfig>`

// golden is minimal as it is given back: every member, defaults filled in.
const golden = `<?xml version="1.0"?>
<DistributionConfig xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/">
<CallerReference>ref</CallerReference>
<Aliases><Quantity>0</Quantity></Aliases>
<DefaultRootObject></DefaultRootObject>
<Origins><Quantity>1</Quantity><Items><Origin><Id>web</Id><DomainName>origin.example.com</DomainName><OriginPath></OriginPath>
<CustomHeaders><Quantity>0</Quantity></CustomHeaders>
<CustomOriginConfig><HTTPPort>80</HTTPPort><HTTPSPort>443</HTTPSPort><OriginProtocolPolicy>http-only</OriginProtocolPolicy>
<OriginSslProtocols><Quantity>3</Quantity><Items><SslProtocol>TLSv1</SslProtocol><SslProtocol>TLSv1.1</SslProtocol><SslProtocol>TLSv1.2</SslProtocol></Items></OriginSslProtocols>
<OriginReadTimeout>30</OriginReadTimeout><OriginKeepaliveTimeout>5</OriginKeepaliveTimeout><IpAddressType>ipv4</IpAddressType></CustomOriginConfig>
<ConnectionAttempts>3</ConnectionAttempts><ConnectionTimeout>10</ConnectionTimeout>
<OriginShield><Enabled>false</Enabled></OriginShield><OriginAccessControlId></OriginAccessControlId></Origin></Items></Origins>
<OriginGroups><Quantity>0</Quantity></OriginGroups>
<DefaultCacheBehavior><TargetOriginId>web</TargetOriginId>
<TrustedSigners><Enabled>false</Enabled><Quantity>0</Quantity></TrustedSigners>
<TrustedKeyGroups><Enabled>false</Enabled><Quantity>0</Quantity></TrustedKeyGroups>
<ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy>
<AllowedMethods><Quantity>2</Quantity><Items><Method>HEAD</Method><Method>GET</Method></Items><CachedMethods><Quantity>2</Quantity><Items><Method>HEAD</Method><Method>GET</Method></Items></CachedMethods></AllowedMethods>
<SmoothStreaming>false</SmoothStreaming><Compress>false</Compress>
<LambdaFunctionAssociations><Quantity>0</Quantity></LambdaFunctionAssociations>
<FunctionAssociations><Quantity>0</Quantity></FunctionAssociations>
<FieldLevelEncryptionId></FieldLevelEncryptionId>
<GrpcConfig><Enabled>false</Enabled></GrpcConfig>
<ForwardedValues><QueryString>false</QueryString><Cookies><Forward>none</Forward></Cookies>
<Headers><Quantity>0</Quantity></Headers><QueryStringCacheKeys><Quantity>0</Quantity></QueryStringCacheKeys></ForwardedValues>
<MinTTL>0</MinTTL><DefaultTTL>86400</DefaultTTL><MaxTTL>31536000</MaxTTL></DefaultCacheBehavior>
<CacheBehaviors><Quantity>0</Quantity></CacheBehaviors>
<CustomErrorResponses><Quantity>0</Quantity></CustomErrorResponses>
<Comment></Comment>
<Logging><Enabled>false</Enabled><IncludeCookies>false</IncludeCookies><Bucket></Bucket><Prefix></Prefix></Logging>
<PriceClass>PriceClass_All</PriceClass><Enabled>true</Enabled>
<ViewerCertificate><CloudFrontDefaultCertificate>true</CloudFrontDefaultCertificate><SSLSupportMethod>vip</SSLSupportMethod><MinimumProtocolVersion>TLSv1</MinimumProtocolVersion><CertificateSource>cloudfront</CertificateSource></ViewerCertificate>
<Restrictions><GeoRestriction><RestrictionType>none</RestrictionType><Quantity>0</Quantity></GeoRestriction></Restrictions>
<WebACLId></WebACLId><HttpVersion>http2</HttpVersion><IsIPV6Enabled>false</IsIPV6Enabled>
<ContinuousDeploymentPolicyId></ContinuousDeploymentPolicyId><Staging>false</Staging>
<ConnectionMode>direct</ConnectionMode>
</DistributionConfig>`

func TestGoldenDistribution(t *testing.T) {
	f := start(t)
	w := f.call("POST", "/distribution", "", minimal)
	etag := w.Header().Get("ETag")
	location := w.Header().Get("Location")
	if w.Code != 201 || !regexp.MustCompile(`^E[A-Z0-9]{13}$`).MatchString(etag) ||
		!regexp.MustCompile(`^http://127\.0\.0\.1:4566/2020-05-31/distribution/E[A-Z0-9]{13}$`).MatchString(location) {
		t.Fatalf("create: %d, ETag %q, Location %q\n%s", w.Code, etag, location, w.Body)
	}
	id := location[strings.LastIndex(location, "/")+1:]
	w = f.call("GET", "/distribution/"+id+"/config", "", "")
	want := strings.Replace(strings.ReplaceAll(golden, "\n", ""), "?><", "?>\n<", 1)
	if w.Code != 200 || w.Header().Get("ETag") != etag || w.Body.String() != want {
		t.Errorf("config: %d, ETag %q\n%s\nwant\n%s", w.Code, w.Header().Get("ETag"), w.Body, want)
	}
	w = f.call("GET", "/distribution/"+id, "", "")
	form := `^<\?xml version="1\.0"\?>\n<Distribution xmlns="http://cloudfront\.amazonaws\.com/doc/2020-05-31/"><Id>` + id + `</Id><ARN>arn:aws:cloudfront::000000000000:distribution/` + id +
		`</ARN><Status>Deployed</Status><LastModifiedTime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z</LastModifiedTime><InProgressInvalidationBatches>0</InProgressInvalidationBatches>` +
		`<DomainName>d[a-z0-9]{13}\.cloudfront\.localhost</DomainName><ActiveTrustedSigners><Enabled>false</Enabled><Quantity>0</Quantity></ActiveTrustedSigners>` +
		`<ActiveTrustedKeyGroups><Enabled>false</Enabled><Quantity>0</Quantity></ActiveTrustedKeyGroups><DistributionConfig><CallerReference>ref<.*</DistributionConfig></Distribution>$`
	if !regexp.MustCompile(form).MatchString(w.Body.String()) {
		t.Errorf("distribution:\n%s", w.Body)
	}
	w = f.call("GET", "/distribution?MaxItems=1", "", "")
	if !strings.Contains(w.Body.String(), `<Marker></Marker><MaxItems>1</MaxItems><IsTruncated>false</IsTruncated><Quantity>1</Quantity><Items><DistributionSummary><Id>`+id) {
		t.Errorf("list:\n%s", w.Body)
	}
	off := strings.Replace(want, "<Enabled>true</Enabled><ViewerCertificate>", "<Enabled>false</Enabled><ViewerCertificate>", 1)
	w = f.call("PUT", "/distribution/"+id+"/config", "If-Match: "+etag, off)
	if w.Code != 200 || w.Header().Get("ETag") == etag {
		t.Fatalf("update: %d\n%s", w.Code, w.Body)
	}
	w = f.call("DELETE", "/distribution/"+id, "If-Match: "+w.Header().Get("ETag"), "")
	if w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("delete: %d %s", w.Code, w.Body)
	}
}

func TestRefusedConfigurations(t *testing.T) {
	f := start(t)
	const behaviorEnd = "</DefaultCacheBehavior>"
	for _, r := range []struct {
		name, old, new string
		code           string
		status         int
		names          string // what the message must name
	}{
		{"no body", minimal, "", "MissingBody", 400, ""},
		{"no XML", minimal, "{}", "MalformedInput", 400, ""},
		{"cut off", "</DistributionConfig>", "", "MalformedInput", 400, ""},
		{"document type", minimal, `<!DOCTYPE a [<!ENTITY b "c">]>` + minimal, "MalformedInput", 400, ""},
		{"other document", minimal, "<KeyGroupConfig/>", "MalformedInput", 400, ""},
		{"unknown member", "<Comment>", "<Colour>red</Colour><Comment>", "MalformedInput", 400, "Colour"},
		{"member twice", "<Comment>", "<Comment>a</Comment><Comment>", "MalformedInput", 400, "Comment"},
		{"no boolean", "<Enabled>true", "<Enabled>yes", "MalformedInput", 400, "Enabled"},
		{"wrong quantity", "<Origins><Quantity>1", "<Origins><Quantity>2", "InconsistentQuantities", 400, "Origins"},
		{"no comment", "<Comment></Comment>", "", "InvalidArgument", 400, "Comment"},
		{"no reference", "ref", "", "InvalidArgument", 400, "CallerReference"},
		{"long comment", "<Comment>", "<Comment>" + strings.Repeat("x", 129), "InvalidArgument", 400, "Comment"},
		{"root object with slash", "<Comment>", "<DefaultRootObject>/a</DefaultRootObject><Comment>", "InvalidDefaultRootObject", 400, ""},
		{"root object with query", "<Comment>", "<DefaultRootObject>a?b</DefaultRootObject><Comment>", "InvalidDefaultRootObject", 400, ""},
		{"root object with space", "<Comment>", "<DefaultRootObject>a b</DefaultRootObject><Comment>", "InvalidDefaultRootObject", 400, ""},
		{"unknown target", "<TargetOriginId>web", "<TargetOriginId>other", "NoSuchOrigin", 404, ""},
		{"no origin kind", "<CustomOriginConfig><HTTPPort>80</HTTPPort><HTTPSPort>443</HTTPSPort><OriginProtocolPolicy>http-only</OriginProtocolPolicy></CustomOriginConfig>", "", "InvalidOrigin", 400, "web"},
		{"VPC origin without its id", "CustomOriginConfig>", "VpcOriginConfig>", "InvalidArgument", 400, "VpcOriginId"},
		{"odd port", "<HTTPPort>80", "<HTTPPort>81", "InvalidArgument", 400, "81"},
		{"read timeout", "</OriginProtocolPolicy>", "</OriginProtocolPolicy><OriginReadTimeout>0</OriginReadTimeout>", "InvalidOriginReadTimeout", 400, ""},
		{"keep-alive", "</OriginProtocolPolicy>", "</OriginProtocolPolicy><OriginKeepaliveTimeout>121</OriginKeepaliveTimeout>", "InvalidOriginKeepaliveTimeout", 400, ""},
		{"unknown access control", "</DomainName>", "</DomainName><OriginAccessControlId>E1</OriginAccessControlId>", "InvalidOriginAccessControl", 400, "E1"},
		{"TTLs out of order", behaviorEnd, "<MinTTL>9</MinTTL><DefaultTTL>1</DefaultTTL>" + behaviorEnd, "InvalidTTLOrder", 400, ""},
		{"policy and forwarded values", behaviorEnd, "<CachePolicyId>x</CachePolicyId>" + behaviorEnd, "InvalidArgument", 400, "CachePolicyId"},
		{"groups enabled, none there", behaviorEnd, "<TrustedKeyGroups><Enabled>true</Enabled><Quantity>0</Quantity></TrustedKeyGroups>" + behaviorEnd, "InvalidArgument", 400, "TrustedKeyGroups"},
		{"unknown group", behaviorEnd, "<TrustedKeyGroups><Enabled>true</Enabled><Quantity>1</Quantity><Items><KeyGroup>g</KeyGroup></Items></TrustedKeyGroups>" + behaviorEnd, "TrustedKeyGroupDoesNotExist", 400, ""},
		{"five groups", behaviorEnd, "<TrustedKeyGroups><Enabled>true</Enabled><Quantity>5</Quantity><Items>" + strings.Repeat("<KeyGroup>g</KeyGroup>", 5) + "</Items></TrustedKeyGroups>" + behaviorEnd, "TooManyKeyGroupsAssociatedToDistribution", 400, ""},
		{"cookies without names", "<Forward>none", "<Forward>whitelist", "InvalidForwardCookies", 400, ""},
		{"methods", behaviorEnd, "<AllowedMethods><Quantity>1</Quantity><Items><Method>GET</Method></Items></AllowedMethods>" + behaviorEnd, "InvalidArgument", 400, "AllowedMethods"},
		{"alias in our domain", "<Comment>", "<Aliases><Quantity>1</Quantity><Items><CNAME>d1.cloudfront.net</CNAME></Items></Aliases><Comment>", "InvalidArgument", 400, "cloudfront.net"},
		{"origin request policy without cache policy", behaviorEnd, "<OriginRequestPolicyId>216adef6-5c7f-47e4-b989-5492eafa07d3</OriginRequestPolicyId>" + behaviorEnd, "InvalidArgument", 400, "CachePolicyId"},
		{"error that has no page", "<Comment>", errorResponse("<ErrorCode>412</ErrorCode>") + "<Comment>", "InvalidErrorCode", 400, "412"},
		{"status of a page", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode><ResponsePagePath>/p</ResponsePagePath><ResponseCode>201</ResponseCode>") + "<Comment>", "InvalidResponseCode", 400, "201"},
		{"status spelled oddly", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode><ResponsePagePath>/p</ResponsePagePath><ResponseCode>+200</ResponseCode>") + "<Comment>", "InvalidResponseCode", 400, "+200"},
		{"page that is no path", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode><ResponsePagePath>p</ResponsePagePath><ResponseCode>200</ResponseCode>") + "<Comment>", "InvalidRelativePath", 400, ""},
		{"page with a query", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode><ResponsePagePath>/p?q</ResponsePagePath><ResponseCode>200</ResponseCode>") + "<Comment>", "InvalidRelativePath", 400, ""},
		{"page not encoded", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode><ResponsePagePath>/é%2</ResponsePagePath><ResponseCode>200</ResponseCode>") + "<Comment>", "InvalidRelativePath", 400, ""},
		{"page badly encoded", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode><ResponsePagePath>/%2</ResponsePagePath><ResponseCode>200</ResponseCode>") + "<Comment>", "InvalidRelativePath", 400, ""},
		{"page too long", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode><ResponsePagePath>/"+strings.Repeat("p", 4000)+"</ResponsePagePath><ResponseCode>200</ResponseCode>") + "<Comment>", "InvalidRelativePath", 400, ""},
		{"page without status", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode><ResponsePagePath>/p</ResponsePagePath>") + "<Comment>", "InvalidArgument", 400, "ResponseCode"},
		{"status without page", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode><ResponseCode>200</ResponseCode>") + "<Comment>", "InvalidArgument", 400, "ResponsePagePath"},
		{"negative time of an error", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode><ErrorCachingMinTTL>-1</ErrorCachingMinTTL>") + "<Comment>", "InvalidArgument", 400, "ErrorCachingMinTTL"},
		{"error twice", "<Comment>", errorResponse("<ErrorCode>404</ErrorCode>", "<ErrorCode>404</ErrorCode>") + "<Comment>", "InvalidArgument", 400, "404"},

		// What the edge does not obey is refused by name.
		{"SmoothStreaming", behaviorEnd, "<SmoothStreaming>true</SmoothStreaming>" + behaviorEnd, "InvalidArgument", 400, "SmoothStreaming"},
		{"TrustedSigners", behaviorEnd, "<TrustedSigners><Enabled>true</Enabled><Quantity>1</Quantity><Items><AwsAccountNumber>self</AwsAccountNumber></Items></TrustedSigners>" + behaviorEnd, "InvalidArgument", 400, "TrustedSigners"},
		{"ResponseHeadersPolicyId", behaviorEnd, "<ResponseHeadersPolicyId>x</ResponseHeadersPolicyId>" + behaviorEnd, "NoSuchResponseHeadersPolicy", 404, ""},
		{"FunctionAssociations", behaviorEnd, "<FunctionAssociations><Quantity>1</Quantity><Items><FunctionAssociation><FunctionARN>arn:aws:cloudfront::000000000000:function/a</FunctionARN><EventType>viewer-request</EventType></FunctionAssociation></Items></FunctionAssociations>" + behaviorEnd, "InvalidArgument", 400, "FunctionAssociations"},
		{"WebACLId", "<Comment>", "<WebACLId>x</WebACLId><Comment>", "InvalidArgument", 400, "WebACLId"},
		{"HttpVersion", "<Comment>", "<HttpVersion>http3</HttpVersion><Comment>", "InvalidArgument", 400, "HttpVersion"},
		{"Staging", "<Comment>", "<Staging>true</Staging><Comment>", "InvalidArgument", 400, "Staging"},
		{"Logging", "<Comment>", "<Logging><Enabled>true</Enabled><IncludeCookies>false</IncludeCookies><Bucket>b</Bucket><Prefix></Prefix></Logging><Comment>", "InvalidArgument", 400, "Logging"},
		{"certificate", "<Comment>", "<ViewerCertificate><ACMCertificateArn>a</ACMCertificateArn><SSLSupportMethod>sni-only</SSLSupportMethod></ViewerCertificate><Comment>", "InvalidViewerCertificate", 400, "certificate"},
		{"Restrictions", "<Comment>", "<Restrictions><GeoRestriction><RestrictionType>whitelist</RestrictionType><Quantity>1</Quantity><Items><Location>DE</Location></Items></GeoRestriction></Restrictions><Comment>", "InvalidArgument", 400, "GeoRestriction"},
		{"OriginShield", "</DomainName>", "</DomainName><OriginShield><Enabled>true</Enabled><OriginShieldRegion>eu-west-1</OriginShieldRegion></OriginShield>", "InvalidArgument", 400, "OriginShield"},
		{"managed policy that needs the edge's headers", "<ForwardedValues><QueryString>false</QueryString><Cookies><Forward>none</Forward></Cookies></ForwardedValues>", "<CachePolicyId>2e54312d-136d-493c-8eb9-b001f22f67d2</CachePolicyId>", "InvalidArgument", 400, "CloudFront-Viewer-Country"},
	} {
		if !strings.Contains(minimal, r.old) {
			t.Fatalf("%s: the row changes nothing", r.name)
		}
		w := f.call("POST", "/distribution", "", strings.Replace(minimal, r.old, r.new, 2))
		if w.Code < 400 {
			t.Errorf("%s: accepted", r.name)
			continue
		}
		code, message := errorOf(t, w)
		if code != r.code || w.Code != r.status || !strings.Contains(message, r.names) {
			t.Errorf("%s: %d %s %q, want %d %s naming %q", r.name, w.Code, code, message, r.status, r.code, r.names)
		}
	}
	if f.service.Snapshot().Len() != 0 {
		t.Error("a refused configuration is served")
	}
}

// TestReadModifyWriteIsANoOp gives back what it reads, whatever was accepted.
func TestReadModifyWriteIsANoOp(t *testing.T) {
	f := start(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		doc := drawConfig(t, fmt.Sprintf("ref-%d", n))
		w := f.call("POST", "/distribution", "", doc)
		if w.Code != 201 {
			t.Fatalf("create: %d %s\n%s", w.Code, w.Body, doc)
		}
		id := w.Header().Get("Location")
		id = id[strings.LastIndex(id, "/")+1:]
		before := f.call("GET", "/distribution/"+id+"/config", "", "")
		w = f.call("PUT", "/distribution/"+id+"/config", "If-Match: "+before.Header().Get("ETag"), before.Body.String())
		if w.Code != 200 {
			t.Fatalf("update: %d %s", w.Code, w.Body)
		}
		after := f.call("GET", "/distribution/"+id+"/config", "", "")
		if after.Body.String() != before.Body.String() {
			t.Fatalf("read:\n%s\nwritten and read again:\n%s", before.Body, after.Body)
		}
		if after.Header().Get("ETag") == before.Header().Get("ETag") {
			t.Fatal("an update kept the ETag")
		}
	})
}

// errorResponse is a CustomErrorResponses of these members.
func errorResponse(members ...string) string {
	s := fmt.Sprintf("<CustomErrorResponses><Quantity>%d</Quantity><Items>", len(members))
	for _, m := range members {
		s += "<CustomErrorResponse>" + m + "</CustomErrorResponse>"
	}
	return s + "</Items></CustomErrorResponses>"
}

// drawConfig makes a configuration of members that are obeyed.
func drawConfig(t *rapid.T, reference string) string {
	name := rapid.StringMatching(`[A-Za-z][a-z]{0,8}`)
	names := func(label, element string) string {
		list := rapid.SliceOfNDistinct(name, 0, 3, strings.ToLower).Draw(t, label)
		s := fmt.Sprintf("<Quantity>%d</Quantity>", len(list))
		if len(list) > 0 {
			s += "<Items>"
			for _, n := range list {
				s += "<" + element + ">" + n + "</" + element + ">"
			}
			s += "</Items>"
		}
		return s
	}
	flag := func(label string) string { return fmt.Sprint(rapid.Bool().Draw(t, label)) }
	cache := "<ForwardedValues><QueryString>true</QueryString><Cookies><Forward>all</Forward></Cookies><Headers>" + names("headers", "Name") +
		"</Headers><QueryStringCacheKeys>" + names("keys", "Name") + "</QueryStringCacheKeys></ForwardedValues>"
	if rapid.Bool().Draw(t, "ttls") {
		low := rapid.IntRange(0, 200_000).Draw(t, "min")
		cache += fmt.Sprintf("<MinTTL>%d</MinTTL>", low)
	}
	if rapid.Bool().Draw(t, "policy") {
		cache = "<CachePolicyId>" + rapid.SampledFrom([]string{"658327ea-f89d-4fab-a63d-7e88639e58f6", "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"}).Draw(t, "id") + "</CachePolicyId>"
	}
	behavior := "<TargetOriginId>web</TargetOriginId><ViewerProtocolPolicy>" +
		rapid.SampledFrom([]string{"allow-all", "https-only", "redirect-to-https"}).Draw(t, "viewer") + "</ViewerProtocolPolicy>" + cache
	if rapid.Bool().Draw(t, "methods") {
		behavior += "<AllowedMethods><Quantity>3</Quantity><Items><Method>OPTIONS</Method><Method>GET</Method><Method>HEAD</Method></Items></AllowedMethods>"
	}
	patterns := rapid.SliceOfNDistinct(rapid.StringMatching(`/?[a-z*?.~&]{1,6}`), 0, 3, func(p string) string { return strings.TrimPrefix(p, "/") }).Draw(t, "patterns")
	behaviors := fmt.Sprintf("<CacheBehaviors><Quantity>%d</Quantity><Items>", len(patterns))
	for _, p := range patterns {
		behaviors += "<CacheBehavior><PathPattern>" + strings.ReplaceAll(p, "&", "&amp;") + "</PathPattern>" + behavior + "</CacheBehavior>"
	}
	behaviors += "</Items></CacheBehaviors>"
	pages := rapid.SampledFrom([]string{
		"", "<CustomErrorResponses><Quantity>0</Quantity></CustomErrorResponses>", errorResponse("<ErrorCode>404</ErrorCode><ErrorCachingMinTTL>0</ErrorCachingMinTTL>"),
		errorResponse("<ErrorCode>403</ErrorCode><ResponsePagePath>/e%20/403.html</ResponsePagePath><ResponseCode>200</ResponseCode>", "<ErrorCode>500</ErrorCode>"),
	}).Draw(t, "pages")
	return "<DistributionConfig><CallerReference>" + reference + "</CallerReference>" +
		"<DefaultRootObject>" + name.Draw(t, "root") + "</DefaultRootObject>" +
		"<Origins><Quantity>1</Quantity><Items><Origin><Id>web</Id><DomainName>Origin.example.com</DomainName><OriginPath>/p</OriginPath>" +
		"<CustomHeaders><Quantity>1</Quantity><Items><OriginCustomHeader><HeaderName>X-A</HeaderName><HeaderValue>" + name.Draw(t, "value") + "</HeaderValue></OriginCustomHeader></Items></CustomHeaders>" +
		"<CustomOriginConfig><HTTPPort>8080</HTTPPort><HTTPSPort>443</HTTPSPort><OriginProtocolPolicy>match-viewer</OriginProtocolPolicy></CustomOriginConfig>" +
		"</Origin></Items></Origins>" + behaviors + pages +
		"<DefaultCacheBehavior>" + behavior + "</DefaultCacheBehavior>" +
		"<Aliases>" + fmt.Sprintf("<Quantity>1</Quantity><Items><CNAME>WWW.%s.example</CNAME></Items>", reference) + "</Aliases>" +
		"<Comment>" + name.Draw(t, "comment") + " &lt;&#xA;&gt;</Comment><Enabled>" + flag("enabled") + "</Enabled>" +
		"<IsIPV6Enabled>" + flag("ipv6") + "</IsIPV6Enabled><PriceClass>PriceClass_100</PriceClass></DistributionConfig>"
}

// FuzzDistributionConfig wants every document that is read to be written so
// that it reads the same.
func FuzzDistributionConfig(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(golden))
	f.Add([]byte("<DistributionConfig><Aliases><Quantity>0</Quantity></Aliases></DistributionConfig>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := cloudfront.DecodeDistribution(body)
		if err != nil {
			return
		}
		first := cloudfront.EncodeDistribution(&c)
		again, err := cloudfront.DecodeDistribution(first)
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if second := cloudfront.EncodeDistribution(&again); string(second) != string(first) {
			t.Fatalf("first\n%s\nsecond\n%s", first, second)
		}
	})
}

// TestHostileDocuments are such as make a careless parser slow or deep.
func TestHostileDocuments(t *testing.T) {
	for name, doc := range map[string]string{
		"text in a million pieces": "<DistributionConfig><Comment>" + strings.Repeat("a<!---->", 400_000) + "</Comment></DistributionConfig>",
		"long names":               "<DistributionConfig><" + strings.Repeat("n", 1<<20) + ">" + strings.Repeat("<a/>", 90_000) + "</" + strings.Repeat("n", 1<<20) + "></DistributionConfig>",
		"too many elements":        "<DistributionConfig>" + strings.Repeat("<a/>", 200_000) + "</DistributionConfig>",
		"too deep":                 strings.Repeat("<DistributionConfig>", 100_000),
		"too large":                "<DistributionConfig>" + strings.Repeat(" ", cloudfront.MaxBodyBytes) + "</DistributionConfig>",
	} {
		if _, err := cloudfront.DecodeDistribution([]byte(doc)); err == nil {
			t.Errorf("%s: accepted", name)
		} else if len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}

func BenchmarkDecodeDistribution(b *testing.B) {
	b.SetBytes(int64(len(golden)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cloudfront.DecodeDistribution([]byte(golden)); err != nil {
			b.Fatal(err)
		}
	}
}

func TestUnknownOperations(t *testing.T) {
	f := start(t)
	for _, r := range []struct{ method, path, names string }{
		{"POST", "/vpc-origin", "CreateVpcOrigin"},
		{"GET", "/realtime-log-config", "ListRealtimeLogConfigs"},
		{"PATCH", "/distribution", "PATCH"},
		{"GET", "/nothing", "GET"},
		{"GET", "/distribution/a/b/c/d", "GET"},
		{"POST", "/tagging?Operation=Other", "POST"},
	} {
		w := f.call(r.method, r.path, "", "")
		if code, message := errorOf(t, w); w.Code != 400 || code != "UnsupportedOperation" || !strings.Contains(message, r.names) {
			t.Errorf("%s %s: %d %s %q", r.method, r.path, w.Code, code, message)
		}
	}
}

func TestRefuse(t *testing.T) {
	f := start(t)
	for _, r := range []struct {
		err    error
		code   string
		status int
	}{
		{front.ErrNoAuthentication, "MissingAuthenticationToken", 403},
		{front.ErrUnknownAccessKey, "InvalidClientTokenId", 403},
		{front.ErrExpiredToken, "ExpiredToken", 403},
		{&sigv4.MismatchError{}, "SignatureDoesNotMatch", 403},
		{&sigv4.SkewError{}, "SignatureDoesNotMatch", 403},
		{&sigv4.MalformedError{Field: "Credential"}, "IncompleteSignature", 400},
		{&access.Denied{Message: "User: x is not authorized"}, "AccessDenied", 403},
		{fmt.Errorf("disk on fire at /secret/path"), "InternalError", 500},
	} {
		w := httptest.NewRecorder()
		f.door.Refuse(w, &front.Request{Request: httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), ID: "REQUEST"}, r.err)
		code, message := errorOf(t, w)
		if code != r.code || w.Code != r.status || strings.Contains(message, "secret") {
			t.Errorf("%v: %d %s %q, want %d %s", r.err, w.Code, code, message, r.status, r.code)
		}
	}
	if !strings.Contains(f.log.String(), "/secret/path") {
		t.Error("our own fault is not in the log")
	}
	want := `<?xml version="1.0"?>` + "\n" + `<ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Error><Type>Sender</Type><Code>NoSuchPublicKey</Code><Message>The specified public key does not exist.</Message></Error><RequestId>REQUEST</RequestId></ErrorResponse>`
	if w := f.call("GET", "/public-key/K1", "", ""); w.Code != 404 || w.Body.String() != want {
		t.Errorf("%d %s\nwant\n%s", w.Code, w.Body, want)
	}
}

func TestDenied(t *testing.T) {
	f := start(t)
	f.caller.Principal = policy.Principal{Kind: policy.User, Account: "000000000000", ARN: "arn:aws:iam::000000000000:user/eve"}
	w := f.call("POST", "/distribution", "", minimal)
	if code, message := errorOf(t, w); w.Code != 403 || code != "AccessDenied" || !strings.Contains(message, "user/eve") {
		t.Errorf("%d %s %q", w.Code, code, message)
	}
}

// TestEveryDomainErrorHasAWireForm walks the exported errors of package delivery.
func TestEveryDomainErrorHasAWireForm(t *testing.T) {
	doortest.EveryError(t, "../../delivery", slices.Values(cloudfront.WireErrors()))
	if !slices.ContainsFunc(cloudfront.WireErrors(), func(e error) bool { return errors.Is(e, delivery.ErrStale) }) {
		t.Error("the table lacks ErrStale")
	}
}
