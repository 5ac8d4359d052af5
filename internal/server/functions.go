package server

import (
	"context"
	"strings"

	"github.com/keyfront-project/keyfront/internal/edge/origin"
	"github.com/keyfront-project/keyfront/internal/function"
)

// openFunctions opens the pool that runs functions. It starts no process before
// there is something to run.
func (s *Server) openFunctions(worker []string) {
	s.functions = function.NewPool(function.Config{
		Command: worker, MaxWorkers: s.cfg.Functions.Workers, Clock: s.clock, Log: s.log,
		Egress: function.Egress{Hosts: s.cfg.Functions.Hosts, Local: s.localService},
	})
}

// services are the first labels of the AWS endpoints that this server answers to.
var services = map[string]bool{"kms": true, "s3": true, "sts": true, "iam": true, "cloudfront": true, "ssm": true, "secretsmanager": true, "cloudtrail": true, "lambda": true}

// localService returns where the service behind an AWS host name lives: services of
// this server, and its own buckets in virtual-host style. Other people's buckets
// are not here.
func (s *Server) localService(ctx context.Context, host string) (string, bool) {
	if bucketName, ok := origin.Bucket(host); ok {
		_, found, err := ownBuckets{s.buckets, s.APIURL()}.Locate(ctx, bucketName)
		return s.APIURL(), found && err == nil
	}
	name, ok := strings.CutSuffix(host, ".amazonaws.com")
	if !ok {
		return "", false
	}
	service, region, _ := strings.Cut(name, ".")
	return s.APIURL(), services[service] && !strings.Contains(region, ".")
}
