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
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/schollz/progressbar/v3"

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
	Folder string        `arg:"" optional:"" help:"Folder to publish; built-in samples without one." placeholder:"FOLDER"`
	Valid  time.Duration `help:"How long the links work." default:"1h"`
}

// Run publishes, prints what to try, and waits for the end of ctx.
func (c *demoCmd) Run(ctx context.Context, e env) (err error) {
	if c.Valid <= 0 {
		return fmt.Errorf("%w: --valid must be longer than nothing", errUsage)
	}
	root, err := c.content()
	if err != nil {
		return err
	}
	temporary, err := os.MkdirTemp("", "keyfront-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	s, err := startDemo(ctx, filepath.Join(temporary, "data"), e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()

	shown, err := c.publish(ctx, s, root, e)
	if ctx.Err() != nil { // Ctrl-C while publishing
		return nil
	}
	if err != nil {
		return err
	}
	shown.print(e.stdout)
	select {
	case <-ctx.Done():
		fmt.Fprintln(e.stderr, "keyfront: the demo has ended and left nothing behind")
	case <-s.Failed():
	}
	return nil
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
	s, err := server.Start(ctx, cfg, server.Options{Log: log, FunctionWorker: worker})
	if errors.Is(err, syscall.EADDRINUSE) {
		cfg.APIAddr, cfg.EdgeAddr = "127.0.0.1:0", "127.0.0.1:0"
		s, err = server.Start(ctx, cfg, server.Options{Log: log, FunctionWorker: worker})
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

func (c *demoCmd) publish(ctx context.Context, s *server.Server, root fs.FS, e env) (*showing, error) {
	files, err := filesIn(root)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no files to publish", c.Folder)
	}
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
	if err := uploadAll(ctx, p, pub, root, files, e); err != nil {
		return nil, err
	}
	sign, err := p.signer(ctx, pub)
	if err != nil {
		return nil, err
	}
	shown := &showing{
		publication: pub, APIURL: s.APIURL(), AccessKeyID: access.ID, SecretKey: secret, Valid: c.Valid, Count: len(files),
	}
	until := signedurl.Policy{Expires: s.Clock().Now().Add(c.Valid)}
	name, page, err := c.page(ctx, pub, sign, files, until)
	if err != nil {
		return nil, err
	}
	if err := p.upload(ctx, pub, name, bytes.NewReader(page)); err != nil {
		return nil, err
	}
	shown.Plain = pub.url(name)
	if shown.PageURL, err = sign.Sign(ctx, shown.Plain, until); err != nil {
		return nil, err
	}
	everything := until
	everything.Resource = pub.Base + "/*"
	shown.Cookies, err = sign.Cookies(ctx, everything, &signedurl.CookieOptions{InsecureAllowHTTP: true})
	return shown, err
}

func uploadAll(ctx context.Context, p *publisher, pub *publication, root fs.FS, files []file, e env) error {
	total := int64(0)
	for _, f := range files {
		total += f.SizeBytes
	}
	bar := newBar(e.stderr, "publishing", total)
	defer bar.Finish()
	done := int64(0)
	for _, f := range files {
		if err := uploadFile(ctx, p, pub, root, f.Name, bar, done); err != nil {
			return err
		}
		done += f.SizeBytes
	}
	return nil
}

func uploadFile(ctx context.Context, p *publisher, pub *publication, root fs.FS, name string, bar *progressbar.ProgressBar, before int64) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	seeker, ok := f.(io.ReadSeeker)
	if !ok {
		return fmt.Errorf("%s cannot be read twice", name)
	}
	return p.upload(ctx, pub, name, &counted{ReadSeeker: seeker, bar: bar, before: before})
}

// counted moves the bar to where reading stands. The SDK reads a file twice:
// once to sign it and once to send it.
type counted struct {
	io.ReadSeeker
	bar    *progressbar.ProgressBar
	before int64
	at     int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadSeeker.Read(b)
	c.move(c.at + int64(n))
	return n, err
}

func (c *counted) Seek(offset int64, whence int) (int64, error) {
	at, err := c.ReadSeeker.Seek(offset, whence)
	if err == nil {
		c.move(at)
	}
	return at, err
}

func (c *counted) move(to int64) {
	c.at = to
	_ = c.bar.Set64(c.before + to) // a bar that cannot be drawn is no reason to stop
}

// pageFile is one line of the page.
type pageFile struct {
	Name, URL, Size string
	Image, Video    bool
}

// page renders a page that links to the files, each by its own signed URL, and
// names it so that it hides no file.
func (c *demoCmd) page(ctx context.Context, pub *publication, sign *signedurl.Signer, files []file, until signedurl.Policy) (name string, text []byte, err error) {
	name = "index.html"
	if slices.ContainsFunc(files, func(f file) bool { return f.Name == name }) {
		name = "keyfront-demo.html"
	}
	data := struct {
		Files []pageFile
		Left  int
		Until time.Time
	}{Until: until.Expires, Left: max(0, len(files)-maxListed)}
	for _, f := range files[:min(len(files), maxListed)] {
		link, err := sign.Sign(ctx, pub.url(f.Name), until)
		if err != nil {
			return "", nil, err
		}
		row := pageFile{Name: f.Name, URL: link, Size: byteSize(f.SizeBytes)}
		switch strings.ToLower(path.Ext(f.Name)) {
		case ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".avif":
			row.Image = true
		case ".mp4", ".webm":
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

func (s *showing) print(w io.Writer) {
	var cookies []string
	for _, c := range s.Cookies {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	fmt.Fprintf(w, `Published %d files, encrypted at rest under a key that never leaves the key service.

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
`, s.Count, short(s.Valid), s.PageURL, s.Plain, s.PageURL, s.Plain, strings.Join(cookies, "; "), s.Plain,
		s.APIURL, s.AccessKeyID, s.SecretKey, publishRegion, publishRegion, s.Alias, s.Bucket, s.DistributionID,
		s.KeyARN, s.Bucket, s.PublicKeyID, s.KeyGroupID, s.DistributionID)
}
