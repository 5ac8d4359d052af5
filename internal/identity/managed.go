package identity

import (
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
)

// awsAccount owns the managed policies that every account can attach.
const awsAccount arn.AccountID = "aws"

const administratorText = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// awsManaged is the managed policies of AWS that guides around keys, buckets and
// distributions use, by ARN. They allow what AWS's own allow of the services
// that are here; statements on other services are left out.
//
// Source: AWS Managed Policy Reference Guide.
var awsManaged = func() map[string]*Policy {
	all := map[string]*Policy{}
	for _, p := range []struct{ path, name, id, description, text string }{
		{"/", "AdministratorAccess", "ANPAIWMBCKSKIEE64ZLYK", "Provides full access to AWS services and resources.", administratorText},
		{
			"/", "ReadOnlyAccess", "ANPAILL3HVNFSB6DCOWYQ", "Provides read-only access to AWS services and resources.",
			`{"Version":"2012-10-17","Statement":[{"Sid":"ReadOnlyActions","Effect":"Allow","Action":["cloudformation:Describe*","cloudformation:Get*","cloudformation:List*","cloudfront:Describe*","cloudfront:Get*","cloudfront:List*","cloudtrail:Describe*","cloudtrail:Get*","cloudtrail:List*","cloudtrail:LookupEvents","iam:Generate*","iam:Get*","iam:List*","iam:Simulate*","kms:Describe*","kms:Get*","kms:List*","lambda:Get*","lambda:List*","s3:DescribeJob","s3:Get*","s3:List*","secretsmanager:Describe*","secretsmanager:GetResourcePolicy","secretsmanager:List*","ssm:Describe*","ssm:Get*","ssm:List*","sts:GetAccessKeyInfo","sts:GetCallerIdentity","sts:GetSessionToken"],"Resource":"*"}]}`,
		},
		{
			"/", "AmazonS3FullAccess", "ANPAIFIR6V6BVTRAHWINE", "Provides full access to all buckets via the AWS Management Console.",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]}`,
		},
		{
			"/", "AmazonS3ReadOnlyAccess", "ANPAIZTJ4DXE7G6AGAE6M", "Provides read only access to all buckets via the AWS Management Console.",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]}`,
		},
		{
			"/", "AWSKeyManagementServicePowerUser", "ANPAJNPP7PPPPMJRV2SA4", "Provides access to AWS Key Management Service (KMS).",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:CreateAlias","kms:CreateKey","kms:DeleteAlias","kms:Describe*","kms:GenerateRandom","kms:Get*","kms:List*","kms:TagResource","kms:UntagResource","iam:ListGroups","iam:ListRoles","iam:ListUsers"],"Resource":"*"}]}`,
		},
		{
			"/", "CloudFrontFullAccess", "ANPAIPRV52SH6HDCCFY6U", "Provides full access to the CloudFront console plus the ability to list Amazon S3 buckets via the AWS Management Console.",
			`{"Version":"2012-10-17","Statement":[{"Sid":"cfflistbuckets","Action":["s3:ListAllMyBuckets"],"Effect":"Allow","Resource":"arn:aws:s3:::*"},{"Sid":"cffullaccess","Action":["acm:ListCertificates","cloudfront:*","cloudfront-keyvaluestore:*","iam:ListServerCertificates","waf:ListWebACLs","waf:GetWebACL","wafv2:ListWebACLs","wafv2:GetWebACL","kinesis:ListStreams"],"Effect":"Allow","Resource":"*"}]}`,
		},
		{
			"/", "CloudFrontReadOnlyAccess", "ANPAJJZMNYOTZCNQP36LG", "Provides access to CloudFront distribution configuration information and list distributions via the AWS Management Console.",
			`{"Version":"2012-10-17","Statement":[{"Sid":"cfReadOnly","Effect":"Allow","Action":["acm:ListCertificates","cloudfront:Describe*","cloudfront:Get*","cloudfront:List*","cloudfront-keyvaluestore:Describe*","cloudfront-keyvaluestore:Get*","cloudfront-keyvaluestore:List*","iam:ListServerCertificates","route53:List*","waf:ListWebACLs","waf:GetWebACL","wafv2:ListWebACLs","wafv2:GetWebACL"],"Resource":"*"}]}`,
		},
		{
			"/", "IAMFullAccess", "ANPAI7XKCFMBPM3QQRRVQ", "Provides full access to IAM via the AWS Management Console.",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*","organizations:DescribeAccount","organizations:DescribeOrganization","organizations:DescribeOrganizationalUnit","organizations:DescribePolicy","organizations:ListChildren","organizations:ListParents","organizations:ListPoliciesForTarget","organizations:ListRoots","organizations:ListPolicies","organizations:ListTargetsForPolicy"],"Resource":"*"}]}`,
		},
		{
			"/service-role/", "AWSLambdaBasicExecutionRole", "ANPAJNCQGXC42545SKXIK", "Provides write permissions to CloudWatch Logs.",
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`,
		},
	} {
		made := time.Date(2015, 2, 6, 18, 39, 46, 0, time.UTC)
		e := &Policy{
			Meta:        Meta{Account: awsAccount, Name: p.name, Path: p.path, ID: p.id, CreatedAt: made},
			Description: p.description, Default: "v1", LastVersion: 1, UpdatedAt: made,
			Versions: []PolicyVersion{{ID: "v1", Text: p.text, CreatedAt: made}},
			document: mustParse(p.text),
		}
		all[e.ARN()] = e
	}
	return all
}()
