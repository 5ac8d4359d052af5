package server

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/s3"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/journal"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/secret"
)

// openFunctions opens the pool that runs functions. It starts no process before
// there is something to run.
func (s *Server) openFunctions(worker []string) {
	s.functionLogs = journal.New(s.clock, s.metrics.registry)
	s.functions = function.NewPool(function.Config{
		Observer: s.functionLogs,
		Command:  worker, MaxWorkers: s.cfg.Functions.Workers, Clock: s.clock, Log: s.log,
		Egress: function.Egress{Hosts: s.cfg.Functions.Hosts, PrivateHosts: s.cfg.Functions.PrivateHosts, Local: s.localService, LocalHeader: s.hopHeader},
	})
}

// services are the first labels of the AWS endpoints that this server answers to.
var services = map[string]bool{"kms": true, "s3": true, "sts": true, "iam": true, "cloudfront": true, "ssm": true, "secretsmanager": true, "cloudtrail": true, "lambda": true, "cloudformation": true}

// localService returns where the service behind an AWS host name lives: services of
// this server, and its own buckets in virtual-host style. Other people's buckets
// are not here.
func (s *Server) localService(ctx context.Context, host string) (string, bool) {
	if bucketName, ok := origin.Bucket(host); ok {
		_, found, err := s.ownBuckets().Locate(ctx, bucketName)
		return s.APIURL(), found && err == nil
	}
	if strings.HasSuffix(host, ".cloudfront-kvs.global.api.aws") {
		return s.APIURL(), true
	}
	name, ok := strings.CutSuffix(host, ".amazonaws.com")
	if !ok {
		return "", false
	}
	service, region, _ := strings.Cut(name, ".")
	return s.APIURL(), services[service] && !strings.Contains(region, ".")
}

// openLambda opens the control plane of the pool's functions.
func (s *Server) openLambda(ctx context.Context) (*lambda.Service, error) {
	domain, err := s.state.vault.Domain(ctx, "lambda")
	if err != nil {
		return nil, err
	}
	return lambda.Open(ctx, lambda.Config{
		Records: s.state.records, Blobs: s.state.blobs, Vault: domain, Pool: s.functions, Gate: s.gate,
		Roles: roles{identity.NewAdmin(s.identity, s.gate)}, Objects: objects{s.buckets}, Principals: s.identity, Clock: s.clock, Log: s.log,
		MaxEvents: s.cfg.Functions.Events, Users: delivery.FunctionUsers,
	})
}

// roles gives functions the credentials of their roles.
type roles struct{ admin *identity.Admin }

var _ lambda.Roles = roles{}

// Assume is sts:AssumeRole for a service, and recorded as such.
func (r roles) Assume(ctx context.Context, who access.Caller, role, session string) (function.Credentials, error) {
	// A session's name has two characters at least, a function's one.
	s, err := r.admin.AssumeRole(ctx, who, identity.AssumeRole{Role: role, Session: session + strings.Repeat("_", max(0, 2-len(session)))})
	if err != nil {
		return function.Credentials{}, err
	}
	return function.Credentials{AccessKeyID: s.ID, SecretAccessKey: string(s.Secret.Reveal()), SessionToken: s.SessionToken, Expires: s.Expires}, nil
}

// objects are where functions' code may come from.
type objects struct{ buckets *bucket.Service }

var _ lambda.Objects = objects{}

// Object opens an object for a caller.
func (o objects) Object(ctx context.Context, who access.Caller, name, key, version string) (io.ReadCloser, error) {
	object, err := o.buckets.Get(ctx, bucket.Caller{Caller: who}, bucket.Get{Bucket: name, Key: key, VersionID: version})
	if err != nil {
		return nil, fmt.Errorf("S3 Error Code: %s. S3 Error Message: %s", s3.ErrorCode(err), s3.Message(err))
	}
	return object, nil
}

// imports are where the pairs of key value stores may come from.
type imports struct{ buckets *bucket.Service }

var _ delivery.Objects = imports{}

// Object opens an object for a caller that may locate its bucket.
//
// Source: CloudFront Developer Guide, "Create a key value store".
func (i imports) Object(ctx context.Context, who access.Caller, name, key string) (io.ReadCloser, error) {
	if _, err := i.buckets.Location(ctx, bucket.Caller{Caller: who}, name); err != nil {
		return nil, err
	}
	return i.buckets.Get(ctx, bucket.Caller{Caller: who}, bucket.Get{Bucket: name, Key: key})
}

// rotators are the functions that rotate secrets.
type rotators struct{ lambda *lambda.Service }

var _ secret.Invoker = rotators{}

// Invoke runs a function for a secret; the function's policy decides.
func (r rotators) Invoke(ctx context.Context, functionARN, sourceARN string, event []byte) error {
	return r.lambda.InvokeFor(ctx, "secretsmanager.amazonaws.com", functionARN, sourceARN, event)
}

// edgeFunctions are what behaviours may run.
type edgeFunctions struct{ server *Server }

// ofCloudFront reports whether an ARN is that of a CloudFront function.
func ofCloudFront(functionARN string) bool {
	return strings.HasPrefix(functionARN, "arn:aws:cloudfront:")
}

var (
	_ delivery.Functions = edgeFunctions{}
	_ edge.Functions     = edgeFunctions{}
)

// Associable implements delivery.Functions.
func (f edgeFunctions) Associable(ctx context.Context, account arn.AccountID, functionARN string, event trigger.Event) error {
	if ofCloudFront(functionARN) {
		return f.server.delivery.Published(account, functionARN)
	}
	return f.server.lambda.Associable(ctx, account, functionARN, event)
}

// Replicable implements delivery.Functions. CloudFront functions need no more
// permission than the distribution does.
func (f edgeFunctions) Replicable(ctx context.Context, call *access.Call, functionARN string) error {
	if ofCloudFront(functionARN) {
		return nil
	}
	return f.server.lambda.Replicable(ctx, call, functionARN)
}

// Invoke implements edge.Functions.
func (f edgeFunctions) Invoke(ctx context.Context, account arn.AccountID, functionARN string, in function.Invocation) (*function.Result, error) {
	if ofCloudFront(functionARN) {
		return f.server.delivery.InvokeFunction(ctx, account, functionARN, in)
	}
	return f.server.lambda.InvokeAt(ctx, account, functionARN, in)
}
