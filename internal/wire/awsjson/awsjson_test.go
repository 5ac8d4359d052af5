package awsjson_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

// everything has each kind of member once.
type everything struct {
	String  *string
	Plain   string
	Enum    types.KeySpec
	Bool    bool
	BoolPtr *bool
	Int     int32
	IntPtr  *int64
	Float   *float64
	Blob    []byte
	Time    *time.Time
	Strings []string
	Enums   []types.SigningAlgorithmSpec
	Nested  *everything
	List    []everything
	Map     map[string]string
	Maps    map[string]everything
	Tagged  *string `json:"tagged-name"`

	ResultMetadata middleware.Metadata
	hidden         int
}

var everythingShape = awsjson.Of[everything]()

func TestDecode(t *testing.T) {
	at := func(ms int64) *time.Time { v := time.UnixMilli(ms).UTC(); return &v }
	for body, want := range map[string]everything{
		``:      {},
		` { } `: {},
		`{"String":"a\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00"}`:                         {String: aws.String("a\"\\/\b\f\n\r\téé😀")},
		`{"string":"x","Unknown":{"a":[1,-2.5e+3,true,null,"\u0000"]},"Plain":"p"}`: {Plain: "p"},
		`{"String":null,"Bool":null,"Map":null,"List":null}`:                        {},
		`{"Enum":"RSA_2048","Bool":true,"BoolPtr":false}`:                           {Enum: "RSA_2048", Bool: true, BoolPtr: aws.Bool(false)},
		`{"Int":-3,"IntPtr":9223372036854775807}`:                                   {Int: -3, IntPtr: aws.Int64(math.MaxInt64)},
		`{"Int":3.0,"IntPtr":1e3}`:                                                  {Int: 3, IntPtr: aws.Int64(1000)},
		`{"Float":1.5e-3}`:                                                          {Float: aws.Float64(0.0015)},
		`{"Float":"-Infinity"}`:                                                     {Float: aws.Float64(math.Inf(-1))},
		`{"Blob":"aGk=","Strings":[],"Map":{}}`:                                     {Blob: []byte("hi"), Strings: []string{}, Map: map[string]string{}},
		`{"Blob":""}`:                                                               {Blob: []byte{}},
		`{"Time":1729000000}`:                                                       {Time: at(1729000000000)},
		`{"Time":1.729E9}`:                                                          {Time: at(1729000000000)},
		`{"Time":1729000000.123}`:                                                   {Time: at(1729000000123)},
		`{"Time":-1.5}`:                                                             {Time: at(-1500)},
		`{"Strings":["a","b","c","d","e","f"],"Enums":["ECDSA_SHA_256"]}`: {
			Strings: []string{"a", "b", "c", "d", "e", "f"},
			Enums:   []types.SigningAlgorithmSpec{types.SigningAlgorithmSpecEcdsaSha256},
		},
		`{"Nested":{"List":[{},{"Int":1}]},"Map":{"k":"v","":"e"},"Maps":{"m":{"Int":2}},"tagged-name":"t"}`: {
			Nested: &everything{List: []everything{{}, {Int: 1}}},
			Map:    map[string]string{"k": "v", "": "e"},
			Maps:   map[string]everything{"m": {Int: 2}},
			Tagged: aws.String("t"),
		},
	} {
		got, err := everythingShape.Decode([]byte(body))
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
		problem awsjson.Problem
		path    string
		message string
	}{
		{`{"String":1}`, awsjson.Type, "String", "NUMBER_VALUE cannot be converted to String"},
		{`{"String":true}`, awsjson.Type, "String", "TRUE_VALUE cannot be converted to String"},
		{`{"Int":"1"}`, awsjson.Type, "Int", "STRING_VALUE cannot be converted to Integer"},
		{`{"IntPtr":false}`, awsjson.Type, "IntPtr", "FALSE_VALUE cannot be converted to Long"},
		{`{"Bool":"true"}`, awsjson.Type, "Bool", "STRING_VALUE cannot be converted to Boolean"},
		{`{"Time":"2026-01-01T00:00:00Z"}`, awsjson.Type, "Time", "STRING_VALUE cannot be converted to Timestamp"},
		{`{"String":{}}`, awsjson.Type, "String", "Start of structure or map found where not expected."},
		{`{"String":[]}`, awsjson.Type, "String", "Start of list found where not expected"},
		{`{"List":{}}`, awsjson.Type, "List", "Start of structure or map found where not expected."},
		{`[]`, awsjson.Type, "", "Start of list found where not expected"},
		{`{"Strings":["a",null]}`, awsjson.Type, "Strings.1", "VALUE_NULL cannot be converted to an element"},
		{`{"Map":{"k":null}}`, awsjson.Type, "Map.k", "VALUE_NULL cannot be converted to String"},
		{`{"Nested":{"List":[{},{"Maps":{"m":{"Int":{}}}}]}}`, awsjson.Type, "Nested.List.1.Maps.m.Int", "Start of structure or map found where not expected."},
		{`{"Int":2147483648}`, awsjson.Range, "Int", "NUMBER_VALUE cannot be converted to Integer"},
		{`{"Int":1.5}`, awsjson.Range, "Int", "NUMBER_VALUE cannot be converted to Integer"},
		{`{"IntPtr":1e300}`, awsjson.Range, "IntPtr", "NUMBER_VALUE cannot be converted to Long"},
		{`{"Float":1e999}`, awsjson.Range, "Float", "NUMBER_VALUE cannot be converted to Double"},
		{`{"Time":1e300}`, awsjson.Range, "Time", "NUMBER_VALUE cannot be converted to Timestamp"},
		{`{"Blob":"a"}`, awsjson.Base64, "Blob", "Invalid Base64 in Blob"},
		{`{"Blob":"aGk"}`, awsjson.Base64, "Blob", "Invalid Base64 in Blob"},
		{`{"Blob":"aG\nk="}`, awsjson.Base64, "Blob", "Invalid Base64 in Blob"},
		{`{"Blob":"_-8="}`, awsjson.Base64, "Blob", "Invalid Base64 in Blob"},
		{`{"String":"a","String":"b"}`, awsjson.Duplicate, "String", "Duplicate member String"},
		{`{"String":null,"String":"b"}`, awsjson.Duplicate, "String", "Duplicate member String"},
		{`{"String":"a","Str\u0069ng":"b"}`, awsjson.Duplicate, "String", "Duplicate member String"},
		{`{"Map":{"k":"a","k":"b"}}`, awsjson.Duplicate, "Map.k", "Duplicate member Map.k"},
		{`{"Maps":{"k":{},"k":{}}}`, awsjson.Duplicate, "Maps.k", "Duplicate member Maps.k"},
		{`{"Enum":""}`, awsjson.Empty, "Enum", "1 validation error detected: Value '' at 'enum' failed to satisfy constraint: Member must satisfy enum value set"},
		{`{"Nested":{"Enum":""}}`, awsjson.Empty, "Nested.Enum", "1 validation error detected: Value '' at 'nested.enum' failed to satisfy constraint: Member must satisfy enum value set"},
		{`{"Nested":{"List":[{},{"Enum":""}]}}`, awsjson.Empty, "Nested.List.1.Enum", "1 validation error detected: Value '' at 'nested.list.2.member.enum' failed to satisfy constraint: Member must satisfy enum value set"},
		{`{"U":` + strings.Repeat("[", 10000), awsjson.TooDeep, "", "The request is nested too deeply"},
		{`{"Nested":` + strings.Repeat(`{"Nested":`, 10000), awsjson.TooDeep, "", ""},
		{strings.Repeat(" ", awsjson.MaxBytes+1), awsjson.TooLarge, "", "The request is too large"},
		{`{"String":"` + "\xff" + `"}`, awsjson.Syntax, "String", "The request is not valid JSON"},
		{`{"String":"\ud800"}`, awsjson.Syntax, "String", ""},
		{`{"String":"\ud800\u0041"}`, awsjson.Syntax, "String", ""},
		{`{"String":"\x"}`, awsjson.Syntax, "String", ""},
		{"{\"String\":\"a\nb\"}", awsjson.Syntax, "String", ""},
		{"\ufeff{}", awsjson.Syntax, "", ""},
		{`{}{}`, awsjson.Syntax, "", ""},
		{`{"a":1,}`, awsjson.Syntax, "", ""},
		{`{"a":01}`, awsjson.Syntax, "", ""},
		{`{"a":.5}`, awsjson.Syntax, "", ""},
		{`{"a":+1}`, awsjson.Syntax, "", ""},
		{`{"a":NaN}`, awsjson.Syntax, "", ""},
		{`{'a':1}`, awsjson.Syntax, "", ""},
		{`{"a"`, awsjson.Syntax, "", ""},
		{`{`, awsjson.Syntax, "", ""},
		{` `, awsjson.Syntax, "", ""},
		{`null`, awsjson.Type, "", "VALUE_NULL cannot be converted to Structure"},
	} {
		_, err := everythingShape.Decode([]byte(c.body))
		var e *awsjson.DecodeError
		if !errors.As(err, &e) {
			t.Errorf("Decode(%.60s) = %v, want a DecodeError", c.body, err)
			continue
		}
		if e.Problem == awsjson.TooDeep {
			e.Path = ""
		}
		if e.Problem != c.problem || e.Path != c.path || c.message != "" && e.Message() != c.message {
			t.Errorf("Decode(%.60s) = %d at %q, %q; want %d at %q, %q", c.body, e.Problem, e.Path, e.Message(), c.problem, c.path, c.message)
		}
	}
}

func TestAppend(t *testing.T) {
	for want, v := range map[string]everything{
		`{"Bool":false,"Int":0}`: {},
		`{"String":"","Enum":"RSA_2048","Bool":true,"BoolPtr":false,"Int":1,"IntPtr":0}`: {
			String: aws.String(""), Enum: types.KeySpecRsa2048, Bool: true, BoolPtr: aws.Bool(false), Int: 1, IntPtr: aws.Int64(0),
		},
		`{"Bool":false,"Int":0,"Blob":"","Strings":[],"Map":{}}`:               {Blob: []byte{}, Strings: []string{}, Map: map[string]string{}},
		`{"Bool":false,"Int":0,"Blob":"/+8=","Map":{"a":"1","b":"2","c":"3"}}`: {Blob: []byte{0xff, 0xef}, Map: map[string]string{"c": "3", "a": "1", "b": "2"}},
		`{"Bool":false,"Int":0,"Time":1729000000}`:                             {Time: aws.Time(time.Unix(1729000000, 999_999))},
		`{"Bool":false,"Int":0,"Time":1729000000.12}`:                          {Time: aws.Time(time.UnixMilli(1729000000120))},
		`{"Bool":false,"Int":0,"Time":-0.5}`:                                   {Time: aws.Time(time.UnixMilli(-500))},
		`{"String":"<\"\\\n\r\t\u0001é� >","Bool":false,"Int":0}`:              {String: aws.String("<\"\\\n\r\t\x01é\xff >")},
		`{"Bool":false,"Int":0,"Float":"NaN"}`:                                 {Float: aws.Float64(math.NaN())},
		`{"Bool":false,"Int":0,"Nested":{"Bool":false,"Int":0},"Maps":{"k":{"Bool":false,"Int":0}},"tagged-name":"x"}`: {
			Nested: &everything{}, Maps: map[string]everything{"k": {}}, Tagged: aws.String("x"), hidden: 1,
		},
	} {
		if got := string(everythingShape.Append([]byte("-"), &v)); got != "-"+want {
			t.Errorf("Append(%+v) = %s, want -%s", v, got, want)
		}
	}
}

// What we encode, encoding/json reads as the same strings, and Decode as the same value.
func TestStringsRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := everything{
			String: aws.String(rapid.String().Draw(rt, "string")),
			Blob:   rapid.SliceOfN(rapid.Byte(), 1, -1).Draw(rt, "blob"),
			Map:    rapid.MapOf(rapid.String(), rapid.String()).Draw(rt, "map"),
			IntPtr: aws.Int64(rapid.Int64().Draw(rt, "int")),
			Time:   aws.Time(time.UnixMilli(rapid.Int64Range(-1e14, 1e14).Draw(rt, "time")).UTC()),
		}
		body := everythingShape.Append(nil, &v)
		got, err := everythingShape.Decode(body)
		if err != nil || !reflect.DeepEqual(*got, v) {
			rt.Fatalf("Decode(%s) = %+v, %v; want %+v", body, got, err, v)
		}
		var other struct {
			String string
			Blob   []byte
			Map    map[string]string
		}
		if err := json.Unmarshal(body, &other); err != nil || other.String != *v.String || !bytes.Equal(other.Blob, v.Blob) || !reflect.DeepEqual(other.Map, v.Map) {
			rt.Fatalf("encoding/json reads %s as %+v, %v", body, other, err)
		}
	})
}

// The SDK's own client writes what we read and reads what we write.
func TestSDKClient(t *testing.T) {
	in := &kms.CreateKeyInput{
		Description: aws.String("a \"key\" <for> tests\n"), KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify,
		MultiRegion: aws.Bool(false), Tags: []types.Tag{{TagKey: aws.String("k"), TagValue: aws.String("")}},
	}
	out := &kms.CreateKeyOutput{KeyMetadata: &types.KeyMetadata{
		KeyId: aws.String("1234"), CreationDate: aws.Time(time.UnixMilli(1729000000123).UTC()), Enabled: false,
		SigningAlgorithms: []types.SigningAlgorithmSpec{"ECDSA_SHA_256"},
	}}
	var got *kms.CreateKeyInput
	options := kms.Options{
		Region: "eu-central-1", Retryer: aws.NopRetryer{}, BaseEndpoint: aws.String("http://localhost"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, nil
		}),
	}
	options.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (int, []byte) {
		if _, op, ok := awsjson.Operation(r.Header.Get("X-Amz-Target")); !ok || op != "CreateKey" {
			t.Errorf("Operation(%q) = %q, %v", r.Header.Get("X-Amz-Target"), op, ok)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if got, err = awsjson.Of[kms.CreateKeyInput]().Decode(body); err != nil {
			t.Errorf("Decode(%s) = %v", body, err)
		}
		return 200, awsjson.Of[kms.CreateKeyOutput]().Append(nil, out)
	})}
	answer, err := kms.New(options).CreateKey(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, in) {
		t.Errorf("decoded %+v, want %+v", got, in)
	}
	if !reflect.DeepEqual(answer.KeyMetadata, out.KeyMetadata) {
		t.Errorf("the SDK reads %+v, want %+v", answer.KeyMetadata, out.KeyMetadata)
	}

	for _, body := range []awsjson.ErrorBody{
		{Type: "NotFoundException", Message: "Key 'x' does not exist"},
		{Type: "AccessDeniedException", Message: "no", CapitalMessage: true},
		{Type: "InvalidCiphertextException"},
	} {
		options.HTTPClient = &http.Client{Transport: transport(func(*http.Request) (int, []byte) { return 400, body.Append(nil) })}
		_, err := kms.New(options).CreateKey(context.Background(), in)
		var e smithy.APIError
		if !errors.As(err, &e) || e.ErrorCode() != body.Type || e.ErrorMessage() != body.Message {
			t.Errorf("the SDK reads %s as %v", body.Append(nil), err)
		}
	}
}

func TestOperation(t *testing.T) {
	for target, want := range map[string][2]string{
		"TrentService.Encrypt": {"TrentService", "Encrypt"},
		"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.GetTrail": {"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "GetTrail"},
		"Encrypt": {}, ".Encrypt": {}, "TrentService.": {}, "": {},
	} {
		prefix, op, ok := awsjson.Operation(target)
		if prefix != want[0] || op != want[1] || ok != (op != "") {
			t.Errorf("Operation(%q) = %q, %q, %v; want %q", target, prefix, op, ok, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"String":"a\ud83d\ude00","Int":1e2,"Time":1.5,"Blob":"aGk=","List":[{"Map":{"a":"b"}}],"X":[null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := everythingShape.Decode(body)
		if err != nil {
			return
		}
		if len(body) > 0 && !json.Valid(body) {
			t.Errorf("Decode takes what is no JSON: %q", body)
		}
		again, err := everythingShape.Decode(everythingShape.Append(nil, v))
		if err != nil {
			t.Fatalf("Decode of what we encoded = %v", err)
		}
		if v.Float != nil && math.IsNaN(*v.Float) {
			return
		}
		if !bytes.Equal(everythingShape.Append(nil, v), everythingShape.Append(nil, again)) {
			t.Errorf("decoded %+v, and again %+v", v, again)
		}
	})
}

func BenchmarkEncrypt(b *testing.B) {
	in, out := awsjson.Of[kms.EncryptInput](), awsjson.Of[kms.EncryptOutput]()
	rules := awsjson.Compile[kms.EncryptInput](encryptRules...)
	body := []byte(`{"KeyId":"arn:aws:kms:eu-central-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab","Plaintext":"c2VjcmV0IHRleHQgb2YgYSBsaXR0bGUgbGVuZ3Ro","EncryptionContext":{"owner":"a","use":"video"}}`)
	answer := kms.EncryptOutput{CiphertextBlob: make([]byte, 150), EncryptionAlgorithm: "SYMMETRIC_DEFAULT", KeyId: aws.String("arn:aws:kms:eu-central-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab")}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		v, err := in.Decode(body)
		if err != nil {
			b.Fatal(err)
		}
		if err := rules.Check(v); err != nil {
			b.Fatal(err)
		}
		buf = out.Append(buf[:0], &answer)
	}
}
