package query_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/internal/wire/query"
)

func parse(t *testing.T, form string) query.Form {
	t.Helper()
	f, err := query.Parse(form, "")
	if err != nil {
		t.Fatalf("Parse(%s) = %v", form, err)
	}
	return f
}

func TestForm(t *testing.T) {
	f := parse(t, "Action=CreateRole&Version=2010-05-08&RoleName=a+b%2B&Max=10&On=TRUE&Off=false&At=2026-11-03T12:00:00Z&Since=1793707200"+
		"&Tags.member.2.Key=k2&Tags.member.2.Value=&Tags.member.10.Key=k10&Tags.member.1.Key=k1&Names.member.1=x&Names.member.2=y&None="+
		"&Sub.A.B=c&M.entry.1.key=p&M.entry.1.value=q&Extra.member.1.X=1")
	if f.Action() != "CreateRole" || f.Version() != "2010-05-08" || f.String("RoleName") != "a b+" || f.Optional("Absent") != "" {
		t.Errorf("strings are wrong: %q", f.String("RoleName"))
	}
	if f.Int("Max", 5) != 10 || f.Int("Absent", 5) != 5 || !f.Bool("On", false) || f.Bool("Off", true) || !f.Bool("Absent", true) {
		t.Error("numbers or booleans are wrong")
	}
	at := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	if !f.Time("At").Equal(at) || !f.Time("Since").Equal(at) || !f.Time("Absent").IsZero() {
		t.Errorf("times are wrong: %v %v", f.Time("At"), f.Time("Since"))
	}
	var tags []string
	for _, tag := range f.List("Tags") {
		value, given := tag.Lookup("Value")
		tags = append(tags, fmt.Sprintf("%s=%s %v", tag.String("Key"), value, given))
	}
	if want := []string{"k1= false", "k2= true", "k10= false"}; !reflect.DeepEqual(tags, want) {
		t.Errorf("List = %q, want %q", tags, want)
	}
	if got := f.Strings("Names"); !reflect.DeepEqual(got, []string{"x", "y"}) {
		t.Errorf("Strings = %q", got)
	}
	if got := f.Strings("None"); got == nil || len(got) != 0 {
		t.Errorf("Strings of an empty list = %#v, want an empty one", got)
	}
	if f.Strings("Absent") != nil || f.List("Absent") != nil || f.Map("Absent") != nil || f.Has("Absent") || !f.Has("Tags") {
		t.Error("an absent list is there")
	}
	if f.Sub("Sub").Sub("A").String("B") != "c" || f.Sub("Absent").Sub("A").Optional("B") != "" {
		t.Error("Sub is wrong")
	}
	if got := f.Map("M"); !reflect.DeepEqual(got, map[string]string{"p": "q"}) {
		t.Errorf("Map = %q", got)
	}
	if f.Err() != nil {
		t.Errorf("Err = %v", f.Err())
	}
	if got := f.Unread(); !reflect.DeepEqual(got, []string{"Extra.member.1.X"}) {
		t.Errorf("Unread = %q", got)
	}
}

func TestParameterErrors(t *testing.T) {
	for form, c := range map[string]struct {
		read func(query.Form)
		want query.Error
	}{
		"B=":                              {func(f query.Form) { f.String("A") }, query.Error{query.Missing, "A", ""}},
		"A=":                              {func(f query.Form) { f.String("A") }, query.Error{query.Empty, "A", ""}},
		"A=1.5":                           {func(f query.Form) { f.Int("A", 0) }, query.Error{query.Value, "A", "Integer"}},
		"A=99999999999":                   {func(f query.Form) { f.Int("A", 0) }, query.Error{query.Value, "A", "Integer"}},
		"A=yes":                           {func(f query.Form) { f.Bool("A", false) }, query.Error{query.Value, "A", "Boolean"}},
		"A=now":                           {func(f query.Form) { f.Time("A") }, query.Error{query.Value, "A", "Timestamp"}},
		"A.member.x=1":                    {func(f query.Form) { f.Strings("A") }, query.Error{query.Value, "A.member", "List"}},
		"A.member.01=1":                   {func(f query.Form) { f.Strings("A") }, query.Error{query.Value, "A.member", "List"}},
		"A.member.0=1":                    {func(f query.Form) { f.List("A") }, query.Error{query.Value, "A.member", "List"}},
		"A.member.1.B=1":                  {func(f query.Form) { f.Strings("A") }, query.Error{query.Value, "A.member.1", "String"}},
		"A.member.3.B=x":                  {func(f query.Form) { f.List("A")[0].Int("B", 0) }, query.Error{query.Value, "A.member.3.B", "Integer"}},
		"A.member.3.B=y":                  {func(f query.Form) { f.List("A")[0].Sub("C").String("D") }, query.Error{query.Missing, "A.member.3.C.D", ""}},
		"A=text":                          {func(f query.Form) { f.Strings("A") }, query.Error{query.Value, "A", "List"}},
		"A.entry.1.key=a&A.entry.2.key=a": {func(f query.Form) { f.Map("A") }, query.Error{query.Repeated, "A.entry.2.key", ""}},
	} {
		f := parse(t, form)
		c.read(f)
		f.String("Second") // only the first error is told
		if err := f.Err(); !reflect.DeepEqual(err, &c.want) {
			t.Errorf("%s: Err = %v, want %v", form, err, &c.want)
		}
	}
}

func TestParse(t *testing.T) {
	f, err := query.Parse("Action=A&&B", "X-Amz-Signature=s&C=d")
	if err != nil || f.Action() != "A" || !f.Has("B") || f.Has("X-Amz-Signature") || f.Optional("C") != "d" {
		t.Errorf("Parse = %v, %v", f.Unread(), err)
	}
	for form, want := range map[string]query.Error{
		"A=%zz":                               {query.Syntax, "", ""},
		"%z=1":                                {query.Syntax, "", ""},
		"A=1&A=1":                             {query.Repeated, "A", ""},
		"A=1&%41=2":                           {query.Repeated, "A", ""},
		strings.Repeat("a.", 20) + "=1":       {query.TooLarge, "", ""},
		strings.Repeat("a=1&", 10_001):        {query.Repeated, "a", ""},
		strings.Repeat("a", query.MaxBytes+1): {query.TooLarge, "", ""},
	} {
		if _, err := query.Parse(form, ""); !reflect.DeepEqual(err, &want) {
			t.Errorf("Parse(%.40s) = %v, want %v", form, err, &want)
		}
	}
	var many strings.Builder
	for i := range query.MaxParameters + 1 {
		fmt.Fprintf(&many, "p%d&", i)
	}
	var e *query.Error
	if _, err := query.Parse(many.String(), ""); !errors.As(err, &e) || e.Problem != query.TooLarge {
		t.Errorf("Parse of too many parameters = %v", err)
	}
	if _, err := query.Parse("A=1", "A=1"); !errors.As(err, &e) || e.Problem != query.Repeated {
		t.Errorf("Parse of a parameter in body and query = %v", err)
	}
}

type user struct {
	Name    string     `xml:"UserName"`
	Created query.Time `xml:"CreateDate"`
}

func TestAnswer(t *testing.T) {
	type result struct {
		Users       query.List[user]
		IsTruncated bool
	}
	a := query.Answer{query.IAMNamespace, "ListUsers", "42"}
	at := query.Time{time.Date(2026, 11, 3, 12, 0, 0, 5e8, time.UTC)}
	for want, v := range map[string]any{
		`<ListUsersResult><Users><member><UserName>a&amp;b</UserName><CreateDate>2026-11-03T12:00:00Z</CreateDate></member></Users><IsTruncated>true</IsTruncated></ListUsersResult>`: result{query.List[user]{[]user{{"a&b", at}}}, true},
		`<ListUsersResult><Users></Users><IsTruncated>false</IsTruncated></ListUsersResult>`:                                                                                          &result{},
		``: nil,
	} {
		want = `<ListUsersResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">` + want + `<ResponseMetadata><RequestId>42</RequestId></ResponseMetadata></ListUsersResponse>`
		if got, err := a.Append(nil, v); err != nil || string(got) != want {
			t.Errorf("Append(%v) = %s, %v\nwant %s", v, got, err, want)
		}
	}
	if _, err := a.Append(nil, make(chan int)); err == nil {
		t.Error("Append of a channel = nil, want an error")
	}
}

type transport func(*http.Request) (int, []byte)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := f(r)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {query.ContentType}}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// The SDK's own client writes what we read and reads what we write.
func TestSDKClient(t *testing.T) {
	options := sts.Options{
		Region: "us-east-1", Retryer: aws.NopRetryer{}, BaseEndpoint: aws.String("http://localhost"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, nil
		}),
	}
	options.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (int, []byte) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		f := parse(t, string(body))
		var tags []string
		for _, tag := range f.List("Tags") {
			tags = append(tags, tag.String("Key")+"="+tag.String("Value"))
		}
		got := fmt.Sprint(f.Action(), f.Version(), f.String("RoleArn"), f.Int("DurationSeconds", 0), tags, f.Strings("TransitiveTagKeys"), f.String("RoleSessionName"), f.Unread(), f.Err())
		if want := "AssumeRole2011-06-15arn:aws:iam::000000000000:role/r900 [a=b c&d=e f] [a c&d]s[] <nil>"; got != want {
			t.Errorf("the form is %s, want %s", got, want)
		}
		type credentials struct {
			AccessKeyId string
			Expiration  query.Time
		}
		answer, err := query.Answer{query.STSNamespace, f.Action(), "42"}.Append(nil, struct{ Credentials credentials }{
			credentials{"ASIA", query.Time{time.Unix(1793707200, 0)}},
		})
		if err != nil {
			t.Error(err)
		}
		return 200, answer
	})}
	in := &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::000000000000:role/r"), RoleSessionName: aws.String("s"), DurationSeconds: aws.Int32(900),
		Tags:              []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}, {Key: aws.String("c&d"), Value: aws.String("e f")}},
		TransitiveTagKeys: []string{"a", "c&d"},
	}
	out, err := sts.New(options).AssumeRole(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if *out.Credentials.AccessKeyId != "ASIA" || out.Credentials.Expiration.Unix() != 1793707200 {
		t.Errorf("the SDK reads %+v", out.Credentials)
	}

	options.HTTPClient = &http.Client{Transport: transport(func(*http.Request) (int, []byte) {
		return 403, query.ErrorAnswer{query.STSNamespace, "Sender", "AccessDenied", "User: <arn> is not authorized", "42"}.Append(nil)
	})}
	_, err = sts.New(options).AssumeRole(context.Background(), in)
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != "AccessDenied" || e.ErrorMessage() != "User: <arn> is not authorized" {
		t.Errorf("the SDK reads the error as %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Action=A&Tags.member.1.Key=k&M.entry.1.key=a&Names.member.2=x&Empty=", "X-Amz-Date=1")
	f.Add("a.b.c.d=%41&.=&..=", "")
	f.Fuzz(func(t *testing.T, body, raw string) {
		form, err := query.Parse(body, raw)
		if err != nil {
			return
		}
		form.Int("Tags", 0)
		form.Map("M")
		form.Strings("Names")
		for _, tag := range form.List("Tags") {
			tag.String("Key")
		}
		if form.Unread(); len(form.Unread()) > strings.Count(body+"&"+raw, "&")+1 {
			t.Errorf("%d unread parameters", len(form.Unread()))
		}
	})
}

func TestAnswerInJSON(t *testing.T) {
	type item struct {
		ID string `xml:"Id" json:"Id"`
		At query.Time
	}
	a := query.Answer{Namespace: "n", Action: "List", RequestID: "r"}
	at := query.Time{Time: time.Date(2026, 11, 22, 0, 0, 0, 5, time.UTC)}
	for _, tt := range []struct {
		result any
		want   string
	}{
		{nil, `{"ListResponse":{"ResponseMetadata":{"RequestId":"r"}}}`},
		{struct{ Items query.List[item] }{}, `{"ListResponse":{"ListResult":{"Items":[]},"ResponseMetadata":{"RequestId":"r"}}}`},
		{struct{ Items query.List[item] }{query.List[item]{Members: []item{{"<1>", at}}}}, `{"ListResponse":{"ListResult":{"Items":[{"Id":"\u003c1\u003e","At":1795305600}]},"ResponseMetadata":{"RequestId":"r"}}}`},
	} {
		if got, err := a.AppendJSON(nil, tt.result); err != nil || string(got) != tt.want {
			t.Errorf("AppendJSON(%v) = %s, %v, want %s", tt.result, got, err, tt.want)
		}
	}
	if got, err := a.AppendJSON(nil, func() {}); err == nil {
		t.Errorf("AppendJSON of what JSON lacks = %s", got)
	}
	e := query.ErrorAnswer{Type: "Sender", Code: "Bad", Message: `"m"`, RequestID: "r"}
	if got, want := string(e.AppendJSON([]byte("x"))), `x{"Error":{"Code":"Bad","Message":"\"m\"","Type":"Sender"},"RequestId":"r"}`; got != want {
		t.Errorf("AppendJSON = %s, want %s", got, want)
	}
}
