package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/rotation"
	"github.com/keyfront-project/keyfront/internal/store"
)

type rotateCloudFrontCmd struct {
	KeyGroup        string `required:"" help:"Id of the key group whose signing key rotates." placeholder:"ID"`
	State           string `help:"Folder that keeps where the rotation stands, and current.json: the key to sign with." default:"keyfront-rotation" placeholder:"FOLDER"`
	Algorithm       string `enum:"ECC_NIST_P256,RSA_2048" default:"ECC_NIST_P256" help:"Of new keys: ECC_NIST_P256 or RSA_2048."`
	Period          days   `help:"How long a key signs before the next one." default:"90d" placeholder:"90d"`
	LongestValidity days   `required:"" help:"How far ahead your URLs and cookies expire at most: so long a retired key is kept." placeholder:"24h"`
	AccessLogs      string `help:"Where CloudFront's standard logs are: a retired key that they still show stays." placeholder:"s3://BUCKET/PREFIX"`
	Now             bool   `help:"Begin a rotation before its time."`
	Remove          string `help:"Remove this retired key now, whatever it signed and whoever still comes in by it." placeholder:"KEY-PAIR-ID"`
	awsFlags
}

// Help gives examples.
func (*rotateCloudFrontCmd) Help() string {
	return examples(
		`keyfront rotate-cloudfront --key-group 6c1a0f3e-9e5b-4f6e-8f0c-0b9a6f1f8f4d --longest-validity 24h --access-logs s3://logs/cdn/`,
	)
}

// Run brings the rotation on as far as it goes now. It is meant to be run once
// an hour or so; each run goes on where the last one ended, however it ended.
func (c *rotateCloudFrontCmd) Run(ctx context.Context, e env) error {
	if c.Period <= 0 || c.LongestValidity <= 0 {
		return fmt.Errorf("%w: --period and --longest-validity must be longer than nothing", errUsage)
	}
	return c.rotate(ctx, e, func() time.Time { return time.Now().UTC() })
}

func (c *rotateCloudFrontCmd) rotate(ctx context.Context, e env, now func() time.Time) error {
	cfg, err := c.config(ctx)
	if err != nil {
		return err
	}
	folder, err := store.OpenFolder(c.State)
	if errors.Is(err, store.ErrLocked) {
		return hinted{err, "another keyfront rotate-cloudfront is at work there"}
	}
	if err != nil {
		return err
	}
	defer folder.Close()
	kept := &rotationFile{folder: folder.Path(), keyGroup: c.KeyGroup}
	logs, err := parseLogs(c.AccessLogs)
	if err != nil {
		return err
	}
	if logs != nil {
		logs.api = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	}
	// A service that never answers must not hold the folder for ever.
	calls := cfg.Copy()
	calls.HTTPClient = awshttp.NewBuildableClient().WithTimeout(c.Timeout)
	drawn := map[string]bool{}
	rules := rotation.Rules{Period: time.Duration(c.Period), Validity: time.Duration(c.LongestValidity), Quiet: min(time.Duration(c.LongestValidity), 24*time.Hour)}
	m := &rotation.Machine{
		Store:   kept,
		Service: &serviceKeys{kms.NewFromConfig(calls), c.Algorithm, drawn},
		Edge:    &distributedKeys{cloudfront.NewFromConfig(calls), c.KeyGroup, logs, now().Add(-rules.Quiet)},
		Rules:   rules, Now: now,
		NewName: func() string {
			name := uuid.NewString()
			drawn[name] = true
			return name
		},
	}
	if err := c.told(ctx, kept); err != nil {
		return err
	}
	state, err := kept.Load(ctx)
	if err != nil {
		return err
	}
	if len(state.Keys) == 0 { // before a key is made for a group that is none
		if err := c.known(ctx, calls); err != nil {
			return err
		}
	}
	worked := m.Run(ctx)
	state, err = kept.Load(ctx)
	if err == nil {
		err = kept.writeCurrent(state.Signer())
	}
	printRotation(e.stdout, &state, now(), rules)
	if worked != nil {
		return hinted{errors.Join(c.explain(ctx, "rotate "+c.KeyGroup, worked), err), "nothing is half done: run it again, and it goes on from here"}
	}
	return err
}

// known wants the key group to be there.
func (c *rotateCloudFrontCmd) known(ctx context.Context, cfg aws.Config) error {
	if _, err := credentialsOf(ctx, cfg); err != nil {
		return err
	}
	_, err := cloudfront.NewFromConfig(cfg).GetKeyGroup(ctx, &cloudfront.GetKeyGroupInput{Id: &c.KeyGroup})
	return explainCall(ctx, c.Timeout, "GetKeyGroup "+c.KeyGroup, map[string]string{
		"NoSuchResource": "aws cloudfront list-key-groups tells the ids of key groups; they are not their names",
	}, err)
}

// told notes what the command line asks for.
func (c *rotateCloudFrontCmd) told(ctx context.Context, kept *rotationFile) error {
	if !c.Now && c.Remove == "" {
		return nil
	}
	return kept.Change(ctx, func(s *rotation.State) error {
		s.Wanted = s.Wanted || c.Now
		if c.Remove == "" {
			return nil
		}
		k := s.Find(c.Remove)
		switch {
		case k == nil:
			return fmt.Errorf("this rotation has no key %s", c.Remove)
		case k.RetiredAt.IsZero():
			return hinted{fmt.Errorf("the key %s is not retired", c.Remove), "rotate first: --now"}
		}
		k.Released = true
		return nil
	})
}

func printRotation(out io.Writer, s *rotation.State, now time.Time, r rotation.Rules) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "KEY PAIR ID\tPHASE\tAGE\tKEY\tWAITS FOR")
	for _, k := range s.Keys {
		id := k.ID
		if id == "" {
			id = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", id, k.Phase, age(now.Sub(k.Made)), k.Ref, k.Waits(now, r))
	}
	_ = w.Flush()
}

// parseLogs reads "s3://BUCKET/PREFIX"; "" is nil.
func parseLogs(s string) (*accessLogs, error) {
	if s == "" {
		return nil, nil
	}
	rest, ok := strings.CutPrefix(s, "s3://")
	bucket, prefix, _ := strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return nil, fmt.Errorf("%w: --access-logs %q is not s3://BUCKET/PREFIX", errUsage, s)
	}
	return &accessLogs{bucket: aws.String(bucket), prefix: aws.String(prefix)}, nil
}
