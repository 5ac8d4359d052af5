package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/keyfront-project/keyfront/internal/config"
	"github.com/keyfront-project/keyfront/internal/server"
	"github.com/keyfront-project/keyfront/signedurl"
)

// samples are published when no folder is given.
//
//go:embed samples
var samples embed.FS

//go:embed demo.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// maxListed bounds the files that the page links to.
const maxListed = 500

type demoCmd struct {
	Folder string `arg:"" optional:"" help:"Folder to publish; built-in samples without one." placeholder:"FOLDER"`
	Valid  days   `help:"How long the links work, such as 90m or 7d." default:"1h" placeholder:"1h"`
}

// Help gives examples.
func (*demoCmd) Help() string {
	return examples(
		`keyfront demo`,
		`keyfront demo ~/Videos --valid 7d`,
	)
}

// Run publishes, prints what to try, and waits for the end of ctx.
func (c *demoCmd) Run(ctx context.Context, e env) error {
	if c.Valid <= 0 {
		return fmt.Errorf("%w: --valid must be longer than nothing", errUsage)
	}
	root, err := c.content()
	if err != nil {
		return err
	}
	files, left, err := filesIn(root)
	if err != nil {
		return err
	}
	tell(e.stderr, left)
	if len(files) == 0 {
		return hinted{fmt.Errorf("%s has no files to publish", c.Folder), "hidden files and symbolic links do not count; without a folder the demo has samples of its own"}
	}
	// A closed pipe must come as an error, and a second Ctrl-C wait for the first, or
	// the folder would stay.
	signal.Ignore(syscall.SIGPIPE)
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, endSignals()...)
	defer signal.Stop(ends)
	temporary, err := os.MkdirTemp("", "keyfront-demo-")
	if err != nil {
		return err
	}
	err = c.show(ctx, filepath.Join(temporary, "data"), root, files, e)
	if err = errors.Join(err, os.RemoveAll(temporary)); err != nil {
		return err
	}
	fmt.Fprintln(e.stderr, "keyfront: the demo has ended and left nothing behind")
	return nil
}

// show runs the server until ctx ends; that it ended before all was published is
// no error.
func (c *demoCmd) show(ctx context.Context, dataDir string, root fs.FS, files []file, e env) (err error) {
	s, err := startDemo(ctx, dataDir, e)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	shown, err := c.publish(ctx, s, root, files, e)
	if err != nil {
		return unlessEnded(ctx, err)
	}
	if err := shown.print(e.stdout); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-s.Failed():
	}
	return nil
}

// unlessEnded is nil when ctx has ended, which makes everything fail.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *demoCmd) content() (fs.FS, error) {
	if c.Folder == "" {
		return fs.Sub(samples, "samples")
	}
	info, err := os.Stat(c.Folder)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", c.Folder)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return os.DirFS(c.Folder), nil
}

// startDemo starts a server on the usual addresses, or on free ones when those
// are taken.
func startDemo(ctx context.Context, dataDir string, e env) (*server.Server, error) {
	cfg := config.Default()
	cfg.DataDir = dataDir
	log := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	worker, err := functionWorker()
	if err != nil {
		return nil, err
	}
	s, err := server.Start(ctx, cfg, server.Options{Log: log, FunctionWorker: worker, StopWithin: time.Second})
	if errors.Is(err, syscall.EADDRINUSE) {
		cfg.APIAddr, cfg.EdgeAddr = "127.0.0.1:0", "127.0.0.1:0"
		s, err = server.Start(ctx, cfg, server.Options{Log: log, FunctionWorker: worker, StopWithin: time.Second})
	}
	return s, err
}

// showing is what the demo prints.
type showing struct {
	*publication
	APIURL      string
	AccessKeyID string
	SecretKey   string
	PageURL     string
	Plain       string
	Cookies     []*http.Cookie
	Valid       time.Duration
	Count       int
}

func (c *demoCmd) publish(ctx context.Context, s *server.Server, root fs.FS, files []file, e env) (*showing, error) {
	access, err := s.RootKey()
	if err != nil {
		return nil, err
	}
	secret := string(access.Secret.Reveal())
	p, err := newPublisher(aws.Config{
		Region: publishRegion, BaseEndpoint: aws.String(s.APIURL()),
		Credentials: credentials.NewStaticCredentialsProvider(access.ID, secret, ""),
	}, config.Default().Account, s.EdgeURL())
	if err != nil {
		return nil, err
	}
	pub, err := p.prepare(ctx)
	if err != nil {
		return nil, err
	}
	bucket := p.objects(pub)
	if err := uploadAll(ctx, bucket, root, files, e); err != nil {
		return nil, err
	}
	sign, err := p.signer(ctx, pub)
	if err != nil {
		return nil, err
	}
	shown := &showing{
		publication: pub, APIURL: s.APIURL(), AccessKeyID: access.ID, SecretKey: secret, Valid: time.Duration(c.Valid), Count: len(files),
	}
	until := signedurl.Policy{Expires: s.Clock().Now().Add(time.Duration(c.Valid))}
	everything := until
	everything.Resource = pub.Base + "/*"
	shown.Cookies, err = sign.Cookies(ctx, everything, &signedurl.CookieOptions{InsecureAllowHTTP: true})
	if err != nil {
		return nil, err
	}
	name, page, err := c.page(ctx, shown, sign, files, until)
	if err != nil {
		return nil, err
	}
	if err := uploadText(ctx, bucket, name, page); err != nil {
		return nil, err
	}
	shown.Plain = pub.url(name)
	shown.PageURL, err = sign.Sign(ctx, shown.Plain, until)
	return shown, err
}

// pageFile is one line of the page.
type pageFile struct {
	Name, URL, Size string
	Image, Video    bool
}

// page renders a page that links to the files, each by its own signed URL, and
// names it so that it hides no file.
func (c *demoCmd) page(ctx context.Context, shown *showing, sign *signedurl.Signer, files []file, until signedurl.Policy) (name string, text []byte, err error) {
	name = "index.html"
	home := shown.url(name)
	for n := 1; slices.ContainsFunc(files, func(f file) bool { return f.Name == name }); n++ {
		name = fmt.Sprintf("keyfront-demo-%d.html", n)
	}
	data := struct {
		Files   []pageFile
		Left    int
		Until   time.Time
		Cookies map[string]string
		Home    string // where the cookies let in first
	}{Until: until.Expires, Left: max(0, len(files)-maxListed), Cookies: map[string]string{}, Home: home}
	for _, c := range shown.Cookies {
		data.Cookies[c.Name] = c.Value
	}
	for _, f := range files[:min(len(files), maxListed)] {
		link, err := sign.Sign(ctx, shown.url(f.Name), until)
		if err != nil {
			return "", nil, err
		}
		row := pageFile{Name: f.Name, URL: link, Size: byteSize(f.SizeBytes)}
		switch strings.ToLower(path.Ext(f.Name)) {
		case ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".avif":
			row.Image = true
		case ".mp4", ".m4v", ".mov", ".ogv", ".webm":
			row.Video = true
		}
		data.Files = append(data.Files, row)
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, data); err != nil {
		return "", nil, err
	}
	return name, b.Bytes(), nil
}

func byteSize(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 3 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGT"[prefix])
}

func (s *showing) print(w io.Writer) error {
	var cookies []string
	for _, c := range s.Cookies {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	count := "1 file"
	if s.Count != 1 {
		count = fmt.Sprintf("%d files", s.Count)
	}
	_, err := fmt.Fprintf(w, `Published %s, encrypted at rest under a key that never leaves the key service.

Open in a browser (the link works for %s):
  %s

The same, unsigned, is refused:
  %s

Try:
  curl -i '%s'      # 200
  curl -i '%s'      # 403 MissingKey
  curl -i -b '%s' '%s'      # 200 by cookies

Talk to it with the aws CLI or an SDK:
  export AWS_ENDPOINT_URL=%s
  export AWS_ACCESS_KEY_ID=%s
  export AWS_SECRET_ACCESS_KEY=%s
  export AWS_REGION=%s AWS_DEFAULT_REGION=%s
  aws kms describe-key --key-id %s
  aws s3 ls s3://%s
  aws cloudfront get-distribution --id %s

Made: key %s
      bucket %s
      public key %s in key group %s
      distribution %s

Ctrl-C ends the demo and leaves nothing behind.
`, count, short(s.Valid), s.PageURL, s.Plain, s.PageURL, s.Plain, strings.Join(cookies, "; "), s.Plain,
		s.APIURL, s.AccessKeyID, s.SecretKey, publishRegion, publishRegion, s.Alias, s.Bucket, s.DistributionID,
		s.KeyARN, s.Bucket, s.PublicKeyID, s.KeyGroupID, s.DistributionID)
	return err
}
