package restxml_test

import (
	"encoding/xml"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

type origin struct {
	ID      string    `xml:"Id"`
	Created time.Time `xml:"Created"`
}

type grantee struct {
	Type string `xml:"type,attr"`
	URI  string
}

type config struct {
	CallerReference string
	Enabled         bool
	Quantity        *int       `xml:"Aliases>Quantity"`
	Aliases         []string   `xml:"Aliases>Items>CNAME,omitempty"`
	Origins         []origin   `xml:"Origins>Items>Origin,omitempty"`
	Until           *time.Time `xml:",omitempty"`
	Grantee         *grantee   `xml:",omitempty"`
	Rules           []origin   `xml:"Rule,omitempty"`
}

var document = restxml.Of[config]("Config")

func TestDecode(t *testing.T) {
	two := 2
	at := time.Date(2026, 11, 3, 12, 0, 0, 500e6, time.UTC)
	whole := at.Truncate(time.Second)
	for body, want := range map[string]config{
		`<Config/>`: {},
		"\ufeff<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c --><Config xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\">\n <CallerReference> a&amp;&lt;&#65;<![CDATA[<b>]]></CallerReference>\n <Enabled>true</Enabled>\n</Config>\n": {
			CallerReference: " a&<A<b>", Enabled: true,
		},
		`<x:Config xmlns:x="urn:y"><x:Aliases><x:Quantity>2</x:Quantity><x:Items><x:CNAME>a</x:CNAME><x:CNAME>b</x:CNAME></x:Items></x:Aliases></x:Config>`: {
			Quantity: &two, Aliases: []string{"a", "b"},
		},
		`<Config><Origins><Items><Origin><Id>1</Id><Created>2026-11-03T12:00:00.500Z</Created></Origin><Origin><Id>2</Id><Created>2026-11-03T12:00:00.5Z</Created></Origin></Items></Origins><Rule><Id>3</Id></Rule><Rule/></Config>`: {
			Origins: []origin{{"1", at}, {"2", at}}, Rules: []origin{{ID: "3"}, {}},
		},
		`<Config><Until>2026-11-03T12:00:00Z</Until><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>u</URI></Grantee></Config>`: {
			Until: &whole, Grantee: &grantee{"Group", "u"},
		},
	} {
		got, err := document.Decode([]byte(body))
		if err != nil {
			t.Errorf("Decode(%s) = %v", body, err)
		} else if !reflect.DeepEqual(*got, want) {
			t.Errorf("Decode(%s) = %+v, want %+v", body, *got, want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct {
		body    string
		problem restxml.Problem
		path    string
	}{
		{``, restxml.Syntax, ""},
		{`{}`, restxml.Value, ""},
		{`<Config>`, restxml.Syntax, "Config"},
		{`<Config></Other>`, restxml.Syntax, "Config"},
		{`<Config/><Config/>`, restxml.Syntax, ""},
		{`<Config/>x`, restxml.Value, ""},
		{`<Other/>`, restxml.Root, "Other"},
		{`<Config><Aliases><Items><CName>a</CName></Items></Aliases></Config>`, restxml.Unknown, "Config/Aliases/Items/CName"},
		{`<Config><New><Deep/></New></Config>`, restxml.Unknown, "Config/New"},
		{`<Config><Enabled>true</Enabled><Enabled>false</Enabled></Config>`, restxml.Repeated, "Config/Enabled"},
		{`<Config><Aliases/><Aliases/></Config>`, restxml.Repeated, "Config/Aliases"},
		{`<Config>text</Config>`, restxml.Value, "Config"},
		{`<Config><Enabled>maybe</Enabled></Config>`, restxml.Value, ""},
		{`<Config><Aliases><Quantity>1.5</Quantity></Aliases></Config>`, restxml.Value, ""},
		{`<Config><Enabled/></Config>`, restxml.Value, "Config/Enabled"},
		{`<Config><Enabled> <!-- true --></Enabled></Config>`, restxml.Value, "Config/Enabled"},
		{`<Config><Aliases><Quantity></Quantity></Aliases></Config>`, restxml.Value, "Config/Aliases/Quantity"},
		{`<Config><Enabled><b/></Enabled></Config>`, restxml.Unknown, "Config/Enabled/b"},
		{`<Config><CallerReference>&unknown;</CallerReference></Config>`, restxml.Syntax, "Config/CallerReference"},
		{`<!DOCTYPE Config [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><Config><CallerReference>&b;</CallerReference></Config>`, restxml.Syntax, ""},
		{`<!DOCTYPE Config SYSTEM "file:///etc/passwd"><Config/>`, restxml.Syntax, ""},
		{`<?php echo ?><Config/>`, restxml.Syntax, ""},
		{`<?xml version="1.0" encoding="UTF-16"?><Config/>`, restxml.Syntax, ""},
		{"<Config><CallerReference>\xff</CallerReference></Config>", restxml.Syntax, "Config/CallerReference"},
		{"<Config><CallerReference>\x01</CallerReference></Config>", restxml.Syntax, "Config/CallerReference"},
		{`<Config` + strings.Repeat(` a="b"`, 20) + `/>`, restxml.Syntax, ""},
		{strings.Repeat(" ", restxml.MaxBytes+1), restxml.TooLarge, "Config"},
		{"<Config>" + strings.Repeat("<Rule/>", restxml.MaxElements) + "</Config>", restxml.TooLarge, "Config"},
	} {
		_, err := document.Decode([]byte(c.body))
		var e *restxml.DecodeError
		if !errors.As(err, &e) {
			t.Errorf("Decode(%.80s) = %v, want a DecodeError", c.body, err)
			continue
		}
		if e.Problem != c.problem || c.path != "" && e.Path != c.path {
			t.Errorf("Decode(%.80s) = %v, want problem %d at %q", c.body, err, c.problem, c.path)
		}
	}
}

type tree struct {
	Tree *tree
}

func TestDepth(t *testing.T) {
	nested := func(n int) []byte {
		return []byte(strings.Repeat("<Tree>", n) + strings.Repeat("</Tree>", n))
	}
	d := restxml.Of[tree]("Tree")
	if _, err := d.Decode(nested(restxml.MaxDepth)); err != nil {
		t.Errorf("Decode of %d levels = %v", restxml.MaxDepth, err)
	}
	for _, n := range []int{restxml.MaxDepth + 1, 100_000} {
		var e *restxml.DecodeError
		if _, err := d.Decode(nested(n)); !errors.As(err, &e) || e.Problem != restxml.TooDeep {
			t.Errorf("Decode of %d levels = %v, want TooDeep", n, err)
		}
	}
}

func TestAppend(t *testing.T) {
	one := 1
	v := config{
		CallerReference: `<"&>`, Quantity: &one, Aliases: []string{"a"},
		Rules: []origin{{"r", time.Date(2026, 11, 3, 12, 0, 0, 7e6, time.UTC)}},
	}
	got, err := document.Append(nil, restxml.CloudFrontNamespace, &v)
	if err != nil {
		t.Fatal(err)
	}
	want := xml.Header + `<Config xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><CallerReference>&lt;&#34;&amp;&gt;</CallerReference><Enabled>false</Enabled>` +
		`<Aliases><Quantity>1</Quantity><Items><CNAME>a</CNAME></Items></Aliases><Origins><Items></Items></Origins><Rule><Id>r</Id><Created>2026-11-03T12:00:00.007Z</Created></Rule></Config>`
	if string(got) != want {
		t.Errorf("Append = %s\nwant %s", got, want)
	}
	again, err := document.Decode(got)
	if err != nil || !reflect.DeepEqual(*again, v) {
		t.Errorf("Decode of it = %+v, %v; want %+v", again, err, v)
	}
	if got, err := document.Append([]byte("-"), "", &config{}); err != nil || !strings.HasPrefix(string(got), "-"+xml.Header+"<Config><") {
		t.Errorf("Append without a namespace = %s, %v", got, err)
	}
}

func TestErrorDocuments(t *testing.T) {
	e := restxml.ErrorResponse{restxml.CloudFrontNamespace, "Sender", "NoSuchPublicKey", "a<b\x00", "42"}
	want := "<?xml version=\"1.0\"?>\n" + `<ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Error><Type>Sender</Type><Code>NoSuchPublicKey</Code><Message>a&lt;b` + "\ufffd" + `</Message></Error><RequestId>42</RequestId></ErrorResponse>`
	if got := string(e.Append(nil)); got != want {
		t.Errorf("ErrorResponse = %s, want %s", got, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`<Config xmlns="u"><CallerReference>a</CallerReference><Aliases><Items><CNAME>a</CNAME></Items></Aliases><Rule><Id/></Rule></Config>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY a "b">]><Config>&a;</Config>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := document.Decode(body)
		if err != nil {
			var e *restxml.DecodeError
			if !errors.As(err, &e) {
				t.Errorf("Decode = %v, want a DecodeError", err)
			}
			return
		}
		encoded, err := document.Append(nil, "", v)
		if err != nil {
			return // a year of five digits
		}
		if _, err := document.Decode(encoded); err != nil && !strings.Contains(string(encoded), "<Created>") {
			t.Errorf("Decode of what we encoded = %v: %s", err, encoded)
		}
	})
}
