package server

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/cloudformation"
	"github.com/keyfront-project/keyfront/internal/api/cloudfront"
	"github.com/keyfront-project/keyfront/internal/api/cloudtrail"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/iam"
	"github.com/keyfront-project/keyfront/internal/api/keyvalue"
	"github.com/keyfront-project/keyfront/internal/api/kms"
	"github.com/keyfront-project/keyfront/internal/api/lambda"
	"github.com/keyfront-project/keyfront/internal/api/own"
	"github.com/keyfront-project/keyfront/internal/api/s3"
	"github.com/keyfront-project/keyfront/internal/api/secretsmanager"
	"github.com/keyfront-project/keyfront/internal/api/ssm"
	"github.com/keyfront-project/keyfront/internal/api/sts"
	"github.com/keyfront-project/keyfront/internal/function/journal"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// Bounds of request bodies that are read whole.
const (
	maxJSONBytes  = 1 << 20
	maxXMLBytes   = 4 << 20
	maxQueryBytes = 1 << 20
)

// doors are the services behind the API address.
func (s *Server) doors(gate *access.Gate) []front.Service {
	admin := identity.NewAdmin(s.identity, gate)
	functions := lambda.New(s.lambda, s.log)
	return []front.Service{
		{Name: "kms", Door: kms.New(s.keys, s.log), MaxBodyBytes: maxJSONBytes},
		{Name: "s3", Door: s3.New(s3.Config{Buckets: s.buckets, Log: s.log, Domains: s.cfg.S3Domains, Poster: s3.Posters(s.identity)}), Style: sigv4.S3, Version2: true, Anonymous: true},
		{Name: "cloudfront", Door: cloudfront.New(s.delivery, s.log), MaxBodyBytes: maxXMLBytes},
		{Name: "cloudfront-keyvaluestore", Door: keyvalue.New(s.values, s.log), MaxBodyBytes: keyvalue.MaxBodyBytes, Asymmetric: true},
		{Name: "cloudformation", Door: cloudformation.New(s.stacks, s.log), MaxBodyBytes: maxQueryBytes},
		{Name: "cloudtrail", Door: cloudtrail.New(s.trails, s.log), MaxBodyBytes: maxJSONBytes},
		{Name: "iam", Door: iam.New(admin, s.identity, s.log), MaxBodyBytes: maxQueryBytes},
		{Name: "lambda", Door: functions, MaxBodyBytes: lambda.MaxBodyBytes},
		{Name: "lambda-code", Door: lambda.CodeDoor{Door: functions}, MaxBodyBytes: 1, Anonymous: true, Path: lambda.CodePath},
		{Name: "secretsmanager", Door: secretsmanager.New(s.secrets, s.log), MaxBodyBytes: secretsmanager.MaxBodyBytes},
		{Name: "ssm", Door: ssm.New(s.parameters, s.log), MaxBodyBytes: ssm.MaxBodyBytes},
		{Name: "sts", Door: sts.New(admin, s.log), MaxBodyBytes: maxQueryBytes},
		{Name: "keyfront", Door: own.New(own.Config{Gate: gate, Accounts: admin, Buckets: s.buckets, RotateRootKey: s.rotateRootKey, Describe: s.describe, DeliverTrails: s.trails.Deliver, ExplainViewer: s.explainViewer, Signers: s.signers, FunctionLogs: journal.Reader{Journal: s.functionLogs, Gate: gate}, Log: s.log}), MaxBodyBytes: own.MaxBodyBytes},
	}
}

// errorCode names a domain error as the service of action does on the wire.
func errorCode(action policy.Action, err error) string {
	service, _, _ := strings.Cut(string(action), ":")
	switch service {
	case "kms":
		return kms.ErrorCode(err)
	case "s3":
		return s3.ErrorCode(err)
	case "cloudfront":
		return cloudfront.ErrorCode(err)
	case "cloudfront-keyvaluestore":
		return keyvalue.ErrorCode(err)
	case "cloudformation":
		return cloudformation.ErrorCode(err)
	case "cloudtrail":
		return cloudtrail.ErrorCode(err)
	case "iam":
		return iam.ErrorCode(err)
	case "keyfront":
		return own.ErrorCode(err)
	case "lambda":
		return lambda.ErrorCode(err)
	case "secretsmanager":
		return secretsmanager.ErrorCode(err)
	case "ssm":
		return ssm.ErrorCode(err)
	default:
		return sts.ErrorCode(err)
	}
}
