package iam_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/keyfronttest"
)

// world is a whole server with the real clients of its root user.
type world struct {
	*testing.T
	srv  *keyfronttest.Server
	root *iam.Client
	sts  *sts.Client
}

func start(t *testing.T) *world {
	t.Helper()
	srv := keyfronttest.Start(t)
	return &world{t, srv, iam.NewFromConfig(srv.AWSConfig(), func(o *iam.Options) {
		o.HTTPClient = doortest.Listener(t, iam.NewFromConfig)
	}), sts.NewFromConfig(srv.AWSConfig(), func(o *sts.Options) {
		o.HTTPClient = doortest.Listener(t, sts.NewFromConfig)
	})}
}

// as is the configuration of clients with other credentials.
func (w *world) as(id, secret, token string) aws.Config {
	c := w.srv.AWSConfig()
	c.Credentials = credentials.NewStaticCredentialsProvider(id, secret, token)
	return c
}

func (w *world) session(c *ststypes.Credentials) aws.Config {
	return w.as(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

func must[T any](t interface{ Fatal(...any) }) func(v T, err error) T {
	return func(v T, err error) T {
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// user makes a user with one inline policy and returns clients' configuration.
func (w *world) user(name, policy string) aws.Config {
	w.Helper()
	ctx := w.Context()
	if _, err := w.root.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}); err != nil {
		w.Fatal(err)
	}
	if policy != "" {
		_, err := w.root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy})
		if err != nil {
			w.Fatal(err)
		}
	}
	key, err := w.root.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		w.Fatal(err)
	}
	return w.as(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
}

// role makes a role that the account may assume, with one inline policy, and
// returns its ARN.
func (w *world) role(name, policy string) string {
	w.Helper()
	ctx := w.Context()
	out, err := w.root.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(w.trust())})
	if err != nil {
		w.Fatal(err)
	}
	if policy != "" {
		_, err = w.root.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy})
		if err != nil {
			w.Fatal(err)
		}
	}
	return *out.Role.Arn
}

func (w *world) trust() string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}`, w.srv.Account)
}

func (w *world) assume(by aws.Config, role string) aws.Config {
	w.Helper()
	out, err := sts.NewFromConfig(by).AssumeRole(w.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("job")})
	if err != nil {
		w.Fatal(err)
	}
	return w.session(out.Credentials)
}

func allow(action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`
}

// refused checks that err has the code of the service.
func refused(t *testing.T, what string, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestSignWithoutVerify(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	key := must[*kms.CreateKeyOutput](t)(kms.NewFromConfig(w.srv.AWSConfig()).CreateKey(ctx, &kms.CreateKeyInput{
		KeySpec: kmstypes.KeySpecEccNistP256, KeyUsage: kmstypes.KeyUsageTypeSignVerify,
	}))
	id := key.KeyMetadata.KeyId
	caller := w.user("alice", allow("sts:AssumeRole"))
	signer := kms.NewFromConfig(w.assume(caller, w.role("signer", allow("kms:Sign"))))
	verifier := kms.NewFromConfig(w.assume(caller, w.role("verifier", allow("kms:Verify"))))

	sign := &kms.SignInput{KeyId: id, Message: []byte("m"), SigningAlgorithm: kmstypes.SigningAlgorithmSpecEcdsaSha256}
	out := must[*kms.SignOutput](t)(signer.Sign(ctx, sign))
	verify := &kms.VerifyInput{KeyId: id, Message: []byte("m"), Signature: out.Signature, SigningAlgorithm: sign.SigningAlgorithm}
	_, err := signer.Verify(ctx, verify)
	refused(t, "verify by the signer", err, "AccessDeniedException")
	if got := must[*kms.VerifyOutput](t)(verifier.Verify(ctx, verify)); !got.SignatureValid {
		t.Error("the signature does not verify")
	}
	_, err = verifier.Sign(ctx, sign)
	refused(t, "sign by the verifier", err, "AccessDeniedException")
	want := fmt.Sprintf("User: arn:aws:sts::%s:assumed-role/verifier/job is not authorized to perform: kms:Sign on resource: %s because no identity-based policy allows the kms:Sign action", w.srv.Account, *key.KeyMetadata.Arn)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("message %v, want %s", err, want)
	}
}

func TestReadWithoutDecrypt(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	key := must[*kms.CreateKeyOutput](t)(kms.NewFromConfig(w.srv.AWSConfig()).CreateKey(ctx, &kms.CreateKeyInput{}))
	s3of := func(c aws.Config) *s3.Client {
		return s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true })
	}
	root := s3of(w.srv.AWSConfig())
	must[*s3.CreateBucketOutput](t)(root.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("media")}))
	must[*s3.PutObjectOutput](t)(root.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String("media"), Key: aws.String("a"), Body: strings.NewReader("secret"),
		ServerSideEncryption: s3types.ServerSideEncryptionAwsKms, SSEKMSKeyId: key.KeyMetadata.Arn,
	}))
	get := &s3.GetObjectInput{Bucket: aws.String("media"), Key: aws.String("a")}
	caller := w.user("alice", allow("sts:AssumeRole"))
	_, err := s3of(w.assume(caller, w.role("reader", allow("s3:GetObject")))).GetObject(ctx, get)
	refused(t, "read without kms:Decrypt", err, "AccessDenied")
	out, err := s3of(w.assume(caller, w.role("opener", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:GetObject","kms:Decrypt"],"Resource":"*"}}`))).GetObject(ctx, get)
	if err != nil {
		t.Fatalf("read with kms:Decrypt: %v", err)
	}
	out.Body.Close()
}

func TestBoundary(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	alice := kms.NewFromConfig(w.user("alice", allow("kms:*")))
	must[*kms.ListKeysOutput](t)(alice.ListKeys(ctx, &kms.ListKeysInput{}))
	p := must[*iam.CreatePolicyOutput](t)(w.root.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("only-s3"), PolicyDocument: aws.String(allow("s3:*"))}))
	must[*iam.PutUserPermissionsBoundaryOutput](t)(w.root.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{
		UserName: aws.String("alice"), PermissionsBoundary: p.Policy.Arn,
	}))
	_, err := alice.ListKeys(ctx, &kms.ListKeysInput{})
	refused(t, "outside the boundary", err, "AccessDeniedException")
	if err == nil || !strings.Contains(err.Error(), "because no permissions boundary allows the kms:ListKeys action") {
		t.Errorf("message %v", err)
	}
	must[*iam.DeleteUserPermissionsBoundaryOutput](t)(w.root.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: aws.String("alice")}))
	must[*kms.ListKeysOutput](t)(alice.ListKeys(ctx, &kms.ListKeysInput{}))
}

func TestSessionPolicyAndTags(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	role := w.role("worker", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"kms:List*","Resource":"*"},
		{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"video"}}}]}`)
	caller := sts.NewFromConfig(w.user("alice", allow("sts:*")))
	buckets := func(c aws.Config) error {
		_, err := s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx, &s3.ListBucketsInput{})
		return err
	}
	out := must[*sts.AssumeRoleOutput](t)(caller.AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: &role, RoleSessionName: aws.String("one"), Policy: aws.String(allow("kms:ListKeys")), SourceIdentity: aws.String("alice"),
	}))
	if aws.ToInt32(out.SessionTokenUtilization) < 1 || int(aws.ToInt32(out.SessionTokenSize)) != len(*out.Credentials.SessionToken) || aws.ToString(out.SourceIdentity) != "alice" || !strings.HasSuffix(*out.AssumedRoleUser.AssumedRoleId, ":one") {
		t.Errorf("answer %+v", out)
	}
	limited := w.session(out.Credentials)
	must[*kms.ListKeysOutput](t)(kms.NewFromConfig(limited).ListKeys(ctx, &kms.ListKeysInput{}))
	_, err := kms.NewFromConfig(limited).ListAliases(ctx, &kms.ListAliasesInput{})
	refused(t, "outside the session policy", err, "AccessDeniedException")
	if err == nil || !strings.Contains(err.Error(), "because no session policy allows the kms:ListAliases action") {
		t.Errorf("message %v", err)
	}
	refused(t, "without the tag", buckets(w.assume(w.user("bob", allow("sts:*")), role)), "AccessDenied")
	tagged := must[*sts.AssumeRoleOutput](t)(caller.AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: &role, RoleSessionName: aws.String("two"), Tags: []ststypes.Tag{{Key: aws.String("Team"), Value: aws.String("video")}},
	}))
	if err := buckets(w.session(tagged.Credentials)); err != nil {
		t.Errorf("with the tag: %v", err)
	}
}

func TestMFAGuardsDeletion(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	alice := w.user("alice", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["cloudfront:*","sts:*"],"Resource":"*"},
		{"Effect":"Deny","Action":"cloudfront:Delete*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}},
		{"Effect":"Deny","Action":"cloudfront:Delete*","Resource":"*","Condition":{"Null":{"aws:MultiFactorAuthPresent":"true"}}},
		{"Effect":"Deny","Action":"cloudfront:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}]}`)
	made := must[*cloudfront.CreatePublicKeyOutput](t)(cloudfront.NewFromConfig(alice).CreatePublicKey(ctx, &cloudfront.CreatePublicKeyInput{
		PublicKeyConfig: &cftypes.PublicKeyConfig{CallerReference: aws.String("1"), Name: aws.String("k"), EncodedKey: aws.String(publicKey)},
	}))
	remove := &cloudfront.DeletePublicKeyInput{Id: made.PublicKey.Id, IfMatch: made.ETag}
	_, err := cloudfront.NewFromConfig(alice).DeletePublicKey(ctx, remove)
	refused(t, "delete with a long-term key", err, "AccessDenied")

	device := must[*iam.CreateVirtualMFADeviceOutput](t)(w.root.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: aws.String("alice")}))
	serial, seed := device.VirtualMFADevice.SerialNumber, device.VirtualMFADevice.Base32StringSeed
	enable := func(code1, code2 string) error {
		_, err := w.root.EnableMFADevice(ctx, &iam.EnableMFADeviceInput{
			UserName: aws.String("alice"), SerialNumber: serial, AuthenticationCode1: &code1, AuthenticationCode2: &code2,
		})
		return err
	}
	at := w.srv.Now()
	refused(t, "wrong codes", enable("000000", "000001"), "InvalidAuthenticationCode")
	if err := enable(totp(t, seed, at.Add(-30*time.Second)), totp(t, seed, at)); err != nil {
		t.Fatal(err)
	}
	token := func(code string) (*sts.GetSessionTokenOutput, error) {
		return sts.NewFromConfig(alice).GetSessionToken(ctx, &sts.GetSessionTokenInput{SerialNumber: serial, TokenCode: &code})
	}
	_, err = token(totp(t, seed, at))
	refused(t, "a code that was used", err, "AccessDenied")
	w.srv.Advance(time.Minute)
	out := must[*sts.GetSessionTokenOutput](t)(token(totp(t, seed, w.srv.Now())))
	_, err = token(totp(t, seed, w.srv.Now()))
	refused(t, "a code used again", err, "AccessDenied")

	plain := must[*sts.GetSessionTokenOutput](t)(sts.NewFromConfig(alice).GetSessionToken(ctx, &sts.GetSessionTokenInput{}))
	_, err = cloudfront.NewFromConfig(w.session(plain.Credentials)).DeletePublicKey(ctx, remove)
	refused(t, "delete without MFA", err, "AccessDenied")
	_, err = iam.NewFromConfig(w.session(plain.Credentials)).GetUser(ctx, &iam.GetUserInput{})
	refused(t, "IAM without MFA", err, "InvalidClientTokenId")
	if _, err := cloudfront.NewFromConfig(w.session(out.Credentials)).DeletePublicKey(ctx, remove); err != nil {
		t.Errorf("delete with MFA: %v", err)
	}
}

func TestRecreatedRoleIsAnother(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	caller := w.user("alice", allow("sts:*"))
	session := w.assume(caller, w.role("worker", ""))
	who := func() error {
		_, err := sts.NewFromConfig(session).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		return err
	}
	if err := who(); err != nil {
		t.Fatal(err)
	}
	must[*iam.DeleteRoleOutput](t)(w.root.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String("worker")}))
	refused(t, "after the role is gone", who(), "InvalidClientTokenId")
	w.role("worker", "")
	refused(t, "after another role has its name", who(), "InvalidClientTokenId")
}

// Trust policies name roles by unique id once saved.
func TestTrustIsBoundToIDs(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	alice := w.user("alice", allow("sts:*"))
	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:user/alice"},"Action":"sts:AssumeRole"}}`, w.srv.Account)
	bad := strings.Replace(trust, "alice", "nobody", 1)
	_, err := w.root.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: &bad})
	refused(t, "trust in nobody", err, "MalformedPolicyDocument")
	if want := fmt.Sprintf(`Invalid principal in policy: "AWS":"arn:aws:iam::%s:user/nobody"`, w.srv.Account); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("message %v, want %s", err, want)
	}
	role := must[*iam.CreateRoleOutput](t)(w.root.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: &trust}))
	w.assume(alice, *role.Role.Arn)

	id := *must[*iam.GetUserOutput](t)(w.root.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("alice")})).User.UserId
	must[*iam.UpdateUserOutput](t)(w.root.UpdateUser(ctx, &iam.UpdateUserInput{UserName: aws.String("alice"), NewUserName: aws.String("alicia")}))
	w.assume(alice, *role.Role.Arn)
	read := func() string {
		out := must[*iam.GetRoleOutput](t)(w.root.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("r")}))
		return must[string](t)(url.QueryUnescape(*out.Role.AssumeRolePolicyDocument))
	}
	if got, want := read(), strings.Replace(trust, "alice", "alicia", 1); got != want {
		t.Errorf("after a rename the trust policy reads %s, want %s", got, want)
	}
	w.deleteUser("alicia")
	if got := read(); !strings.Contains(got, `"AWS":"`+id+`"`) {
		t.Errorf("after deletion the trust policy reads %s, want the id %s", got, id)
	}
	again := w.user("alice", allow("sts:*"))
	_, err = sts.NewFromConfig(again).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("job")})
	refused(t, "another alice", err, "AccessDenied")
}

func (w *world) deleteUser(name string) {
	w.Helper()
	ctx := context.WithoutCancel(w.Context())
	keys := must[*iam.ListAccessKeysOutput](w)(w.root.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &name}))
	for _, k := range keys.AccessKeyMetadata {
		must[*iam.DeleteAccessKeyOutput](w)(w.root.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: k.AccessKeyId}))
	}
	must[*iam.DeleteUserPolicyOutput](w)(w.root.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: aws.String("p")}))
	must[*iam.DeleteUserOutput](w)(w.root.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &name}))
}

func TestSimulationIsTheGate(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	w.user("alice", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"},{"Effect":"Deny","Action":"kms:Disable*","Resource":"*"}]}`)
	out := must[*iam.SimulatePrincipalPolicyOutput](t)(w.root.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String("arn:aws:iam::" + w.srv.Account + ":user/alice"),
		ActionNames:     []string{"kms:Sign", "kms:DisableKey", "s3:GetObject"},
	}))
	var got []string
	for _, r := range out.EvaluationResults {
		got = append(got, string(r.EvalDecision))
	}
	if want := []string{"allowed", "explicitDeny", "implicitDeny"}; !slices.Equal(got, want) {
		t.Errorf("decisions %v, want %v", got, want)
	}
	if m := out.EvaluationResults[1].MatchedStatements; len(m) != 1 || aws.ToString(m[0].SourcePolicyId) != "user_alice_p" {
		t.Errorf("matched statements %+v", m)
	}
}

func TestGroupsAndManagedPolicies(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	alice := kms.NewFromConfig(w.user("alice", ""))
	try := func() error {
		_, err := alice.ListKeys(ctx, &kms.ListKeysInput{})
		return err
	}
	refused(t, "without policies", try(), "AccessDeniedException")
	group := aws.String("team")
	must[*iam.CreateGroupOutput](t)(w.root.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: group}))
	must[*iam.AddUserToGroupOutput](t)(w.root.AddUserToGroup(ctx, &iam.AddUserToGroupInput{GroupName: group, UserName: aws.String("alice")}))
	p := must[*iam.CreatePolicyOutput](t)(w.root.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(allow("s3:*"))}))
	must[*iam.AttachGroupPolicyOutput](t)(w.root.AttachGroupPolicy(ctx, &iam.AttachGroupPolicyInput{GroupName: group, PolicyArn: p.Policy.Arn}))
	refused(t, "with another service's policy", try(), "AccessDeniedException")
	v := must[*iam.CreatePolicyVersionOutput](t)(w.root.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{
		PolicyArn: p.Policy.Arn, PolicyDocument: aws.String(allow("kms:ListKeys")), SetAsDefault: true,
	}))
	if *v.PolicyVersion.VersionId != "v2" {
		t.Errorf("version %s, want v2", *v.PolicyVersion.VersionId)
	}
	if err := try(); err != nil {
		t.Errorf("with the new version: %v", err)
	}
	_, err := w.root.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: p.Policy.Arn})
	refused(t, "delete an attached policy", err, "DeleteConflict")
	must[*iam.RemoveUserFromGroupOutput](t)(w.root.RemoveUserFromGroup(ctx, &iam.RemoveUserFromGroupInput{GroupName: group, UserName: aws.String("alice")}))
	refused(t, "outside the group", try(), "AccessDeniedException")
	must[*iam.AttachUserPolicyOutput](t)(w.root.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{
		UserName: aws.String("alice"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser"),
	}))
	if err := try(); err != nil {
		t.Errorf("with a policy of AWS: %v", err)
	}
	entities := must[*iam.ListEntitiesForPolicyOutput](t)(w.root.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: p.Policy.Arn}))
	if len(entities.PolicyGroups) != 1 || *entities.PolicyGroups[0].GroupName != "team" {
		t.Errorf("entities %+v", entities.PolicyGroups)
	}
}

func TestPagesOfUsers(t *testing.T) {
	w := start(t)
	ctx := t.Context()
	var want, got []string
	for i := range 7 {
		name := fmt.Sprintf("u%d", i)
		want = append(want, name)
		must[*iam.CreateUserOutput](t)(w.root.CreateUser(ctx, &iam.CreateUserInput{UserName: &name, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))
	}
	pages := iam.NewListUsersPaginator(w.root, &iam.ListUsersInput{MaxItems: aws.Int32(3)})
	for pages.HasMorePages() {
		page := must[*iam.ListUsersOutput](t)(pages.NextPage(ctx))
		if len(page.Users) > 3 {
			t.Errorf("a page of %d", len(page.Users))
		}
		for _, u := range page.Users {
			got = append(got, *u.UserName)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("users %v, want %v", got, want)
	}
}
