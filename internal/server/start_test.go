package server_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/keyfront-project/keyfront/internal/config"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/server"
	"github.com/keyfront-project/keyfront/keyfronttest"
)

func onDisk(dir string) config.Config {
	cfg := config.Default()
	cfg.DataDir, cfg.APIAddr, cfg.EdgeAddr = dir, "127.0.0.1:0", "127.0.0.1:0"
	return cfg
}

// A start that fails leaves no listener, goroutine, open file or lock behind:
// the next one, with the cause mended, succeeds.
func TestFailedStartLeavesNothing(t *testing.T) {
	// made is a data folder that a server used and left.
	made := func(t *testing.T) config.Config {
		cfg := onDisk(filepath.Join(t.TempDir(), "data"))
		s, err := server.Start(t.Context(), cfg, server.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	// replaced exchanges a file's bytes until mend is called.
	replaced := func(t *testing.T, name string, b []byte) (mend func()) {
		before, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		put := func(b []byte) {
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		put(b)
		return func() { put(before) }
	}
	tests := []struct {
		name   string
		damage func(t *testing.T, cfg *config.Config) (mend func())
		want   error
		text   string
	}{
		{name: "taken edge address", text: "address already in use", damage: func(t *testing.T, cfg *config.Config) func() {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			cfg.EdgeAddr = l.Addr().String()
			return func() { l.Close() }
		}},
		{name: "bad certificate of the API", text: "certificate", damage: func(t *testing.T, cfg *config.Config) func() {
			good := *cfg
			cfg.APITLSAddr = "127.0.0.1:0"
			cfg.APITLS = config.KeyPair{CertFile: filepath.Join(cfg.DataDir, "root-key"), KeyFile: filepath.Join(cfg.DataDir, "root-key")}
			return func() { *cfg = good }
		}},
		{name: "bad certificate", text: "certificate", damage: func(t *testing.T, cfg *config.Config) func() {
			good := *cfg
			cfg.EdgeTLSAddr = "127.0.0.1:0"
			cfg.EdgeTLS = config.ViewerTLS{CertFile: filepath.Join(cfg.DataDir, "root-key"), KeyFile: filepath.Join(cfg.DataDir, "root-key")}
			return func() { *cfg = good }
		}},
		{name: "foreign root key", want: sealed.ErrWrongRootKey, damage: func(t *testing.T, cfg *config.Config) func() {
			other := made(t)
			b, err := os.ReadFile(filepath.Join(other.DataDir, "root-key"))
			if err != nil {
				t.Fatal(err)
			}
			return replaced(t, filepath.Join(cfg.DataDir, "root-key"), b)
		}},
		{name: "damaged records", damage: func(t *testing.T, cfg *config.Config) func() {
			b := make([]byte, 64<<10)
			rand.Read(b)
			return replaced(t, filepath.Join(cfg.DataDir, "records.db"), b)
		}},
		{name: "damaged audit log", text: "audit", damage: func(t *testing.T, cfg *config.Config) func() {
			return replaced(t, filepath.Join(cfg.DataDir, server.AuditFolder, "head"), make([]byte, 144))
		}},
		{name: "audit folder that is a file", damage: func(t *testing.T, cfg *config.Config) func() {
			name := filepath.Join(cfg.DataDir, server.AuditFolder)
			if err := os.Rename(name, name+".away"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := errors.Join(os.Remove(name), os.Rename(name+".away", name)); err != nil {
					t.Fatal(err)
				}
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := made(t)
			mend := tt.damage(t, &cfg)
			goroutines, files := runtime.NumGoroutine(), openFiles(t)
			s, err := server.Start(t.Context(), cfg, server.Options{})
			if err == nil {
				s.Stop()
				t.Fatal("Start = nil, want an error")
			}
			if tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Start = %v, want %v %q", err, tt.want, tt.text)
			}
			if now := openFiles(t); now > files {
				t.Errorf("%d files and sockets are open, %d before", now, files)
			}
			settled(t, goroutines)
			mend()
			if s, err = server.Start(t.Context(), cfg, server.Options{}); err != nil {
				t.Fatalf("Start with the cause mended = %v", err)
			}
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A client that never ends its request does not keep the server.
func TestStopCutsABusyConnection(t *testing.T) {
	cfg := onDisk(filepath.Join(t.TempDir(), "data"))
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	s, err := server.Start(t.Context(), cfg, server.Options{StopWithin: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{s.APIURL(), s.EdgeURL()} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: TrentService.ListKeys\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		// An answer's first byte says that the request is under way.
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Stop(); err != nil {
		t.Errorf("Stop = %v", err)
	}
	settled(t, goroutines)
	if now := openFiles(t); now > files+2 { // the client's two
		t.Errorf("%d files and sockets are open, %d before", now, files)
	}
	if s, err = server.Start(t.Context(), cfg, server.Options{}); err != nil {
		t.Fatalf("Start afterwards = %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// openFiles counts this process's file descriptors, where the system tells.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// settled waits until no more than n goroutines are left: one that has been
// told to end may take a moment.
func settled(t *testing.T, n int) {
	t.Helper()
	deadline, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for runtime.NumGoroutine() > n {
		if deadline.Err() != nil {
			b := make([]byte, 64<<10)
			t.Fatalf("goroutines are left behind:\n%s", b[:runtime.Stack(b, true)])
		}
		runtime.Gosched()
	}
}

// A folder whose database is gone is not begun anew beside the log of what was in it.
func TestLostRecords(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	srv := keyfronttest.Start(t, keyfronttest.OnDisk(dir))
	if _, err := kms.NewFromConfig(srv.AWSConfig()).CreateKey(t.Context(), &kms.CreateKeyInput{}); err != nil {
		t.Fatal(err)
	}
	if err := srv.Stop(); err != nil {
		t.Fatal(err)
	}
	away := filepath.Join(t.TempDir(), "records.db")
	if err := os.Rename(filepath.Join(dir, "records.db"), away); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a refused start must not make the next one believe
		if s, err := server.Start(t.Context(), onDisk(dir), server.Options{}); !errors.Is(err, server.ErrRecordsLost) {
			t.Fatalf("Start = %v, %v, want ErrRecordsLost", s, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "records.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(away, filepath.Join(dir, "records.db")); err != nil {
		t.Fatal(err)
	}
	s, err := server.Start(t.Context(), onDisk(dir), server.Options{})
	if err != nil {
		t.Fatalf("with the database back: %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
