package main

import (
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// syncBuffer lets the test read what the demo has printed so far.
type syncBuffer struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{}
}

func newSyncBuffer() *syncBuffer { return &syncBuffer{grown: make(chan struct{}, 1)} }

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.grown <- struct{}{}:
	default:
	}
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// await returns what is printed once it holds want.
func (b *syncBuffer) await(t *testing.T, want string, done <-chan int) string {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		if text := b.String(); strings.Contains(text, want) {
			return text
		}
		select {
		case <-b.grown:
		case code := <-done:
			t.Fatalf("the demo ended with %d and printed %q", code, b.String())
		case <-timeout:
			t.Fatalf("%q was not printed, but %q", want, b.String())
		}
	}
}

func TestDemo(t *testing.T) {
	tests := []struct {
		name   string
		files  map[string]string
		linked map[string]string // file name to content
	}{
		{"samples", nil, map[string]string{"note.txt": "This note lies encrypted", "picture.svg": "<svg"}},
		{"folder", map[string]string{
			"index.html": "my own page", "film.txt": "a film", "sub/pícture 1+.svg": "<svg/>", ".hidden": "no", ".git/x": "no",
		}, map[string]string{"index.html": "my own page", "film.txt": "a film", "sub/pícture 1+.svg": "<svg/>"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)
			args := []string{"demo"}
			if tt.files != nil {
				args = append(args, folderOf(t, tt.files))
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			stdout, stderr := newSyncBuffer(), newSyncBuffer()
			done := make(chan int, 1)
			go func() {
				done <- run(ctx, env{strings.NewReader(""), stdout, stderr, func(string) string { return "" }}, args)
			}()
			text := stdout.await(t, "Ctrl-C ends the demo", done)
			checkDemo(t, text, tt.linked)
			if want := "AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n"; !strings.Contains(text, want) {
				t.Errorf("the demo does not tell %q, which versions of the aws CLI read", want)
			}
			stop()
			if code := <-done; code != exitDone {
				t.Errorf("exit code %d, want %d: %s", code, exitDone, stderr)
			}
			if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// What cannot be published is named and left out, and a page that is opened by a
// signed link hands out cookies for all that is there.
func TestDemoLeavesOut(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	dir := folderOf(t, map[string]string{"a#1 ?%.txt": "a", "film.MP4": "f", ".hidden": "no"})
	if err := os.Symlink("film.MP4", filepath.Join(dir, "link.mp4")); err != nil {
		t.Fatal(err)
	}
	unnamable := os.WriteFile(filepath.Join(dir, "bad\xff.txt"), nil, 0o644) == nil // some file systems refuse it
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stdout, stderr := newSyncBuffer(), newSyncBuffer()
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, env{strings.NewReader(""), stdout, stderr, func(string) string { return "" }}, []string{"demo", "--valid", "2d", dir})
	}()
	printed := stdout.await(t, "Ctrl-C ends the demo", done)
	checkDemo(t, printed, map[string]string{"a#1 ?%.txt": "a", "film.MP4": "f"})
	if !strings.Contains(printed, "Published 2 files") || !strings.Contains(printed, "works for 48h") {
		t.Errorf("the demo prints %q", printed)
	}
	words := stderr.String()
	if !strings.Contains(words, `not published: "link.mp4": a symbolic link`) || strings.Contains(words, ".hidden") ||
		unnamable && !strings.Contains(words, `not published: "bad\xff.txt": S3 takes names of UTF-8`) {
		t.Errorf("the demo says %q", words)
	}
	lines := curlLine.FindAllStringSubmatch(printed, -1)
	_, page := view(t, lines[0][2], "")
	held := regexp.MustCompile(`"(CloudFront-[A-Za-z-]+)":"([^"]*)"`).FindAllStringSubmatch(page, -1)
	var cookies []string
	for _, c := range held {
		cookies = append(cookies, c[1]+"="+c[2])
	}
	if status, _ := view(t, lines[1][2], strings.Join(cookies, "; ")); status != "200" {
		t.Errorf("the page's cookies %q get %s, want 200", cookies, status)
	}
	stop()
	if code := <-done; code != exitDone || !strings.Contains(stderr.String(), "left nothing behind") {
		t.Errorf("exit code %d, want %d: %s", code, exitDone, stderr)
	}
}

// failing is a terminal that has gone.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A command whose data does not arrive fails, and the demo leaves nothing then either.
func TestLostOutput(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	for _, args := range [][]string{{"version"}, {"demo"}} {
		stderr := newSyncBuffer()
		code := run(t.Context(), env{strings.NewReader(""), failing{}, stderr, func(string) string { return "" }}, args)
		if code != exitFailed || !strings.Contains(stderr.String(), io.ErrClosedPipe.Error()) {
			t.Errorf("%v = %d, %q, want %d and what is wrong with the output", args, code, stderr, exitFailed)
		}
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var (
	curlLine = regexp.MustCompile(`(?m)^  curl -i (?:-b '([^']*)' )?'([^']*)'      # (\d+)`)
	pageLink = regexp.MustCompile(`<a href="([^"]*)">([^<]*)</a>`)
)

// checkDemo tries what the demo says to try.
func checkDemo(t *testing.T, printed string, linked map[string]string) {
	t.Helper()
	lines := curlLine.FindAllStringSubmatch(printed, -1)
	if len(lines) != 3 {
		t.Fatalf("%d curl lines in %q, want 3", len(lines), printed)
	}
	var page string
	for _, l := range lines {
		status, body := view(t, l[2], l[1])
		if status != l[3] {
			t.Errorf("curl -b %q %s = %s, want %s", l[1], l[2], status, l[3])
		}
		if status == "200" {
			page = body
		}
	}
	seen := map[string]bool{}
	for _, l := range pageLink.FindAllStringSubmatch(page, -1) {
		name := html.UnescapeString(l[2])
		seen[name] = true
		status, body := view(t, html.UnescapeString(l[1]), "")
		if want, ok := linked[name]; !ok || status != "200" || !strings.Contains(body, want) {
			t.Errorf("link to %s = %s %q, want %q", name, status, body, want)
		}
	}
	if len(seen) != len(linked) {
		t.Errorf("page links to %v, want %d files", seen, len(linked))
	}
}

// view asks the edge, which listens on loopback whatever the URL's host is.
func view(t *testing.T, url, cookies string) (status, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		var d net.Dialer
		return d.DialContext(ctx, network, "127.0.0.1:"+port)
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.Status[:3], string(b)
}

// TestDemoInABrowser opens the printed link as a person would.
func TestDemoInABrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium not found")
	}
	t.Setenv("TMPDIR", t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stdout, stderr := newSyncBuffer(), newSyncBuffer()
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, env{strings.NewReader(""), stdout, stderr, func(string) string { return "" }}, []string{"demo"})
	}()
	printed := stdout.await(t, "Ctrl-C ends the demo", done)
	link := regexp.MustCompile(`(?m)^  (http://\S+Signature=\S+)$`).FindStringSubmatch(printed)
	if link == nil {
		t.Fatalf("no link in %q", printed)
	}
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	dom, err := exec.CommandContext(limit, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--dump-dom", link[1]).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(dom), "<h1>Private content</h1>") || !strings.Contains(string(dom), "picture.svg") {
		t.Errorf("the browser shows %s", dom)
	}
	stop()
	if code := <-done; code != exitDone {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
