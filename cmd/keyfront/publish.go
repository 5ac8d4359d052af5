package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/keyfront-project/keyfront/signedurl"
)

const (
	publishRegion = "us-east-1"
	// cachingOptimized is the id of the managed cache policy of that name.
	cachingOptimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
)

// signingContext binds the encrypted private half of the signing key.
var signingContext = map[string]string{"USE": "CF"}

// publisher publishes files the way anyone would: through the AWS API.
type publisher struct {
	kms        *kms.Client
	s3         *s3.Client
	cloudfront *cloudfront.Client
	account    string
	// edge is scheme and port of the edge: "http", "8080".
	edgeScheme, edgePort string
}

func newPublisher(cfg aws.Config, account, edgeURL string) (*publisher, error) {
	edge, err := url.Parse(edgeURL)
	if err != nil {
		return nil, err
	}
	return &publisher{
		kms: kms.NewFromConfig(cfg),
		s3: s3.NewFromConfig(cfg, func(o *s3.Options) {
			o.UsePathStyle = true
			// The way is within this process: to read each file twice more, for the
			// signature's hash and a checksum, would find nothing.
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
		}),
		cloudfront: cloudfront.NewFromConfig(cfg),
		account:    account,
		edgeScheme: edge.Scheme, edgePort: edge.Port(),
	}, nil
}

// publication is what was made, and the means to sign for it.
type publication struct {
	KeyARN, Alias   string
	Bucket          string
	PublicKeyID     string
	KeyGroupID      string
	DistributionID  string
	Base            string // "http://d….cloudfront.localhost:8080"
	EncryptedSigner []byte // private half, as the key service encrypted it

	name            string // of everything that has a name
	distributionARN string
	originAccess    string
	originDomain    string
}

// prepare makes key, bucket, signing key, key group and distribution, and lets
// the distribution alone read the bucket.
func (p *publisher) prepare(ctx context.Context) (*publication, error) {
	b := make([]byte, 4)
	rand.Read(b)
	pub := &publication{name: "keyfront-demo-" + hex.EncodeToString(b)}
	for _, step := range []struct {
		what string
		do   func(context.Context, *publication) error
	}{
		{"make a key", p.makeKey},
		{"make a signing key", p.makeSigningKey},
		{"make a bucket", p.makeBucket},
		{"make a distribution", p.makeDistribution},
		{"let the distribution read", p.allowDistribution},
	} {
		if err := step.do(ctx, pub); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return pub, nil
}

func (p *publisher) makeKey(ctx context.Context, pub *publication) error {
	key, err := p.kms.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("Objects and signing key of " + pub.name)})
	if err != nil {
		return err
	}
	pub.KeyARN, pub.Alias = *key.KeyMetadata.Arn, "alias/"+pub.name
	_, err = p.kms.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: &pub.Alias, TargetKeyId: &pub.KeyARN})
	return err
}

// makeSigningKey makes an RSA pair whose private half leaves the key service
// only encrypted.
func (p *publisher) makeSigningKey(ctx context.Context, pub *publication) error {
	pair, err := p.kms.GenerateDataKeyPairWithoutPlaintext(ctx, &kms.GenerateDataKeyPairWithoutPlaintextInput{
		KeyId: &pub.Alias, KeyPairSpec: kmstypes.DataKeyPairSpecRsa2048, EncryptionContext: signingContext,
	})
	if err != nil {
		return err
	}
	pub.EncryptedSigner = pair.PrivateKeyCiphertextBlob
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pair.PublicKey})
	key, err := p.cloudfront.CreatePublicKey(ctx, &cloudfront.CreatePublicKeyInput{PublicKeyConfig: &cftypes.PublicKeyConfig{
		CallerReference: &pub.name, Name: &pub.name, EncodedKey: aws.String(string(text)),
	}})
	if err != nil {
		return err
	}
	pub.PublicKeyID = *key.PublicKey.Id
	group, err := p.cloudfront.CreateKeyGroup(ctx, &cloudfront.CreateKeyGroupInput{KeyGroupConfig: &cftypes.KeyGroupConfig{
		Name: &pub.name, Items: []string{pub.PublicKeyID},
	}})
	if err != nil {
		return err
	}
	pub.KeyGroupID = *group.KeyGroup.Id
	return nil
}

func (p *publisher) makeBucket(ctx context.Context, pub *publication) error {
	pub.Bucket = pub.name
	pub.originDomain = pub.Bucket + ".s3." + publishRegion + ".amazonaws.com"
	if _, err := p.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &pub.Bucket}); err != nil {
		return err
	}
	_, err := p.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
		Bucket: &pub.Bucket,
		ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{
				SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &pub.KeyARN,
			},
		}}},
	})
	return err
}

func (p *publisher) makeDistribution(ctx context.Context, pub *publication) error {
	oac, err := p.cloudfront.CreateOriginAccessControl(ctx, &cloudfront.CreateOriginAccessControlInput{
		OriginAccessControlConfig: &cftypes.OriginAccessControlConfig{
			Name: &pub.name, OriginAccessControlOriginType: cftypes.OriginAccessControlOriginTypesS3,
			SigningBehavior: cftypes.OriginAccessControlSigningBehaviorsAlways,
			SigningProtocol: cftypes.OriginAccessControlSigningProtocolsSigv4,
		},
	})
	if err != nil {
		return err
	}
	pub.originAccess = *oac.OriginAccessControl.Id
	made, err := p.cloudfront.CreateDistribution(ctx, &cloudfront.CreateDistributionInput{DistributionConfig: &cftypes.DistributionConfig{
		CallerReference: &pub.name, Comment: aws.String("Private content of " + pub.name), Enabled: aws.Bool(true),
		Origins: &cftypes.Origins{Quantity: aws.Int32(1), Items: []cftypes.Origin{{
			Id: aws.String("bucket"), DomainName: &pub.originDomain, OriginAccessControlId: &pub.originAccess,
			S3OriginConfig: &cftypes.S3OriginConfig{OriginAccessIdentity: aws.String("")},
		}}},
		DefaultCacheBehavior: &cftypes.DefaultCacheBehavior{
			TargetOriginId: aws.String("bucket"), ViewerProtocolPolicy: cftypes.ViewerProtocolPolicyAllowAll,
			CachePolicyId: aws.String(cachingOptimized), Compress: aws.Bool(false),
			TrustedKeyGroups: &cftypes.TrustedKeyGroups{Enabled: aws.Bool(true), Quantity: aws.Int32(1), Items: []string{pub.KeyGroupID}},
		},
	}})
	if err != nil {
		return err
	}
	d := made.Distribution
	pub.DistributionID, pub.distributionARN = *d.Id, *d.ARN
	pub.Base = p.edgeScheme + "://" + *d.DomainName + ":" + p.edgePort
	return nil
}

// allowDistribution names the distribution in the policies of bucket and key, as
// the only reader beside the account.
func (p *publisher) allowDistribution(ctx context.Context, pub *publication) error {
	reader := fmt.Sprintf(`"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Condition":{"StringEquals":{"AWS:SourceArn":%q}}`, pub.distributionARN)
	bucketPolicy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"EdgeReads",%s,"Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}`, reader, pub.Bucket)
	keyPolicy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[`+
		`{"Sid":"Account","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"kms:*","Resource":"*"},`+
		`{"Sid":"EdgeDecrypts",%s,"Action":"kms:Decrypt","Resource":"*"}]}`, p.account, reader)
	if _, err := p.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &pub.Bucket, Policy: &bucketPolicy}); err != nil {
		return err
	}
	_, err := p.kms.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &pub.KeyARN, Policy: &keyPolicy})
	return err
}

// objects is the bucket.
func (p *publisher) objects(pub *publication) *objects {
	return &objects{client: p.s3, bucket: pub.Bucket, timeout: time.Minute}
}

// signer asks the key service for the private half, which from here on is in
// this process's hands.
func (p *publisher) signer(ctx context.Context, pub *publication) (*signedurl.Signer, error) {
	plain, err := p.kms.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: pub.EncryptedSigner, EncryptionContext: signingContext})
	if err != nil {
		return nil, fmt.Errorf("decrypt the signing key: %w", err)
	}
	defer clear(plain.Plaintext)
	key, err := signedurl.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: plain.Plaintext}))
	if err != nil {
		return nil, err
	}
	return signedurl.NewSigner(signedurl.KeyID(pub.PublicKeyID), key, nil)
}

// url is the address of an object at the edge.
func (pub *publication) url(name string) string {
	return pub.Base + (&url.URL{Path: "/" + name}).EscapedPath()
}
