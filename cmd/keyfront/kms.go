package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// awsFlags are shared by the commands that work with AWS as well as with a
// server of ours: endpoint and credentials are found as the aws CLI finds them.
type awsFlags struct {
	Endpoint string        `help:"Address of the service; else AWS_ENDPOINT_URL_<SERVICE> or AWS_ENDPOINT_URL, else that of AWS." placeholder:"URL"`
	Region   string        `help:"Region; else AWS_REGION or the profile's." placeholder:"NAME"`
	Profile  string        `help:"Profile of the AWS credentials." env:"AWS_PROFILE" placeholder:"NAME"`
	Timeout  time.Duration `help:"How long a service may take to answer, retries included." default:"10s"`
}

func (f *awsFlags) config(ctx context.Context) (aws.Config, error) {
	if f.Timeout <= 0 {
		return aws.Config{}, fmt.Errorf("%w: --timeout must be longer than nothing", errUsage)
	}
	options := []func(*config.LoadOptions) error{config.WithSharedConfigProfile(f.Profile), config.WithDefaultRegion(publishRegion), quietSDK}
	if f.Region != "" {
		options = append(options, config.WithRegion(f.Region))
	}
	if f.Endpoint != "" {
		options = append(options, config.WithBaseEndpoint(f.Endpoint))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("AWS configuration: %w", err)
	}
	return cfg, nil
}

func (f *awsFlags) kms(ctx context.Context) (*kms.Client, error) {
	cfg, err := f.config(ctx)
	if err != nil {
		return nil, err
	}
	return kms.NewFromConfig(cfg, func(o *kms.Options) {
		if f.Endpoint != "" { // for the SDK, AWS_ENDPOINT_URL_KMS beats it
			o.BaseEndpoint = &f.Endpoint
		}
	}), nil
}

// explain turns an error of KMS into one for people; what says what was tried.
func (f *awsFlags) explain(ctx context.Context, what string, err error) error {
	return explainCall(ctx, f.Timeout, what, kmsHints, err)
}
