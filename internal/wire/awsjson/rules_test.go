package awsjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

var encryptRules = []awsjson.Rule{
	{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
	{Member: "Plaintext", Required: true, Length: awsjson.Between(1, 4096)},
	{Member: "GrantTokens", Length: awsjson.Between(0, 10)},
	{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
	{Member: "EncryptionAlgorithm", Enum: []string{"SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1"}},
	{Member: "EncryptionContext{key}", Length: awsjson.AtMost(5)},
}

var createKeyRules = []awsjson.Rule{
	{Member: "Policy", Length: awsjson.AtLeast(1), Pattern: `[\u0009\u000A\u000D\u0020-\u00FF]+`, Sensitive: true},
	{Member: "Description", Length: awsjson.Between(0, 4)},
	{Member: "Tags[].TagKey", Required: true, Length: awsjson.Between(1, 4), Pattern: `^[a-z]*$`},
}

func TestRules(t *testing.T) {
	encrypt := awsjson.Compile[kms.EncryptInput](encryptRules...)
	createKey := awsjson.Compile[kms.CreateKeyInput](createKeyRules...)
	listKeys := awsjson.Compile[kms.ListKeysInput](awsjson.Rule{Member: "Limit", Value: awsjson.Between(1, 1000)})
	createGrant := awsjson.Compile[kms.CreateGrantInput](
		awsjson.Rule{Member: "Constraints.SourceArn", Length: awsjson.AtMost(3)},
		awsjson.Rule{Member: "Operations", Required: true},
		awsjson.Rule{Member: "Operations[]", Enum: []string{"Decrypt", "Encrypt"}},
		awsjson.Rule{Member: "Constraints.EncryptionContextSubset{value}", Length: awsjson.Between(1, 2)},
	)
	const prefix = "1 validation error detected: "
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"valid", encrypt.Check(&kms.EncryptInput{KeyId: aws.String("a"), Plaintext: []byte("x"), EncryptionAlgorithm: "SYMMETRIC_DEFAULT"}), ""},
		{
			"required", encrypt.Check(&kms.EncryptInput{}),
			"2 validation errors detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null; Value null at 'plaintext' failed to satisfy constraint: Member must not be null",
		},
		{
			"empty string", encrypt.Check(&kms.EncryptInput{KeyId: aws.String(""), Plaintext: []byte("x")}),
			prefix + "Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1",
		},
		{
			"characters, not bytes", encrypt.Check(&kms.EncryptInput{KeyId: aws.String(strings.Repeat("é", 2048)), Plaintext: []byte("x")}),
			"",
		},
		{
			"blob", encrypt.Check(&kms.EncryptInput{KeyId: aws.String("a"), Plaintext: make([]byte, 4097)}),
			prefix + "Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
		},
		{
			"empty blob", encrypt.Check(&kms.EncryptInput{KeyId: aws.String("a"), Plaintext: []byte{}}),
			prefix + "Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1",
		},
		{
			"enum", encrypt.Check(&kms.EncryptInput{KeyId: aws.String("a"), Plaintext: []byte("x"), EncryptionAlgorithm: "ROT13"}),
			prefix + "Value 'ROT13' at 'encryptionAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [SYMMETRIC_DEFAULT, RSAES_OAEP_SHA_1]",
		},
		{
			"list", encrypt.Check(&kms.EncryptInput{KeyId: aws.String("a"), Plaintext: []byte("x"), GrantTokens: strings.Split("a,b,c,d,e,f,g,h,i,j,k", ",")}),
			prefix + "Value '[a, b, c, d, e, f, g, h, i, j, k]' at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 10",
		},
		{
			"element", encrypt.Check(&kms.EncryptInput{KeyId: aws.String("a"), Plaintext: []byte("x"), GrantTokens: []string{"a", ""}}),
			prefix + "Value '[a, ]' at 'grantTokens' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 8192, Member must have length greater than or equal to 1]",
		},
		{
			"map key", encrypt.Check(&kms.EncryptInput{KeyId: aws.String("a"), Plaintext: []byte("x"), EncryptionContext: map[string]string{"toolong": "v", "a": "b"}}),
			prefix + "Value '{a=b, toolong=v}' at 'encryptionContext' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 5]",
		},
		{
			"member of an element", createKey.Check(&kms.CreateKeyInput{Tags: []types.Tag{{TagKey: aws.String("abcde")}, {}, {TagKey: aws.String("A")}}}),
			"3 validation errors detected: Value 'abcde' at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 4; " +
				"Value null at 'tags.2.member.tagKey' failed to satisfy constraint: Member must not be null; " +
				"Value 'A' at 'tags.3.member.tagKey' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z]*$",
		},
		{
			"sensitive, in Java's syntax", createKey.Check(&kms.CreateKeyInput{Policy: aws.String("{}\u0100")}),
			prefix + `Value at 'policy' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+`,
		},
		{"pattern with a line feed", createKey.Check(&kms.CreateKeyInput{Policy: aws.String("{\n}"), Description: aws.String("")}), ""},
		{
			"number", listKeys.Check(&kms.ListKeysInput{Limit: aws.Int32(1001)}),
			prefix + "Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000",
		},
		{
			"number below", listKeys.Check(&kms.ListKeysInput{Limit: aws.Int32(0)}),
			prefix + "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
		},
		{
			"nested", createGrant.Check(&kms.CreateGrantInput{
				Operations:  []types.GrantOperation{"Decrypt", "Fly"},
				Constraints: &types.GrantConstraints{SourceArn: aws.String("long"), EncryptionContextSubset: map[string]string{"a": ""}},
			}),
			"3 validation errors detected: Value 'long' at 'constraints.sourceArn' failed to satisfy constraint: Member must have length less than or equal to 3; " +
				"Value '[Decrypt, Fly]' at 'operations' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [Decrypt, Encrypt]]; " +
				"Value '{a=}' at 'constraints.encryptionContextSubset' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 2, Member must have length greater than or equal to 1]",
		},
	} {
		got := ""
		var e *awsjson.ValidationError
		if errors.As(c.err, &e) {
			got = e.Message()
		} else if c.err != nil {
			t.Errorf("%s: Check = %v, want a ValidationError", c.name, c.err)
		}
		if got != c.want {
			t.Errorf("%s: Check = %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestRulesBoundTheirAnswer(t *testing.T) {
	createKey := awsjson.Compile[kms.CreateKeyInput](createKeyRules...)
	var e *awsjson.ValidationError
	if err := createKey.Check(&kms.CreateKeyInput{Tags: make([]types.Tag, 100_000)}); !errors.As(err, &e) || len(e.Violations) != 100 {
		t.Errorf("Check of 100,000 bad tags = %v", err)
	}
}

func TestCompilePanics(t *testing.T) {
	for _, r := range []awsjson.Rule{
		{Member: "KeyID", Required: true},
		{Member: "KeyId[]", Length: awsjson.AtLeast(1)},
		{Member: "KeyId.X"},
		{Member: "KeyId", Value: awsjson.AtLeast(1)},
		{Member: "DryRun", Length: awsjson.AtLeast(1)},
		{Member: "GrantTokens[]", Required: true},
		{Member: "GrantTokens", Pattern: "x"},
		{Member: "KeyId", Pattern: "("},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Compile(%+v) did not panic", r)
				}
			}()
			awsjson.Compile[kms.EncryptInput](r)
		}()
	}
}
