package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// The benchmarks here measure the processor time that a server process of its
// own spends for a request, user and system, beside a bare net/http server that
// sends the same bytes. The load comes from this process and is not counted.

const (
	benchKeyID  = "AKIAIOSFODNN7EXAMPLE"
	benchSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	// loadClients is how many connections carry requests at a time.
	loadClients = 16
)

// bareServer is the yardstick: it reads the body and answers with the bytes of
// the file that it is given, their type, and further header lines.
func bareServer() {
	answer, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	contentType := os.Args[2]
	more := make(http.Header)
	for _, line := range os.Args[3:] {
		name, value, _ := strings.Cut(line, ": ")
		more[name] = []string{value}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		h := w.Header()
		maps.Copy(h, more)
		h.Set("Content-Type", contentType)
		h.Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer)
	})}
	go s.Serve(l)
	fmt.Fprintf(os.Stderr, "keyfront: ready api=http://%s edge=http://%s\n", l.Addr(), l.Addr())
	<-ctx.Done()
	_ = s.Close()
}

// process is a server under load.
type process struct {
	cmd       *exec.Cmd
	api, edge string
}

func startProcess(tb testing.TB, name string, args ...string) *process {
	tb.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "KEYFRONT_ROOT_ACCESS_KEY_ID="+benchKeyID, "KEYFRONT_ROOT_SECRET_ACCESS_KEY="+benchSecret)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	p := &process{cmd: cmd}
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
			p.api, p.edge = m[1], m[2]
			go func() {
				for lines.Scan() {
				}
			}()
			return p
		}
	}
	tb.Fatalf("%s did not start", name)
	return nil
}

func startKeyfront(tb testing.TB) *process { return startOn(tb, tb.TempDir()+"/data") }

// startOn starts a server on a data folder.
func startOn(tb testing.TB, dir string, flags ...string) *process {
	return startProcess(tb, "keyfront", append([]string{"serve", "--data-dir", dir, "--api-addr", "127.0.0.1:0", "--edge-addr", "127.0.0.1:0"}, flags...)...)
}

// startBare starts the yardstick with an answer of its own. headers are
// "Name: value".
func startBare(tb testing.TB, answer []byte, contentType string, headers ...string) *process {
	tb.Helper()
	name := tb.TempDir() + "/answer"
	if err := os.WriteFile(name, answer, 0o600); err != nil {
		tb.Fatal(err)
	}
	return startProcess(tb, "bareserver", append([]string{name, contentType}, headers...)...)
}

// cpu is the processor time that the process has used.
func (p *process) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		tb.Skip("no /proc to read processor time from")
	}
	// After the name in brackets: state is field 3, utime 14, stime 15.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	ticks := int64(0)
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		ticks += n
	}
	const ticksPerSecond = 100
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// awaitIdle waits until the process has stopped working, such as at its pool of
// key pairs, whose making belongs to no request.
func (p *process) awaitIdle(tb testing.TB) {
	for last := time.Duration(-1); ; time.Sleep(250 * time.Millisecond) {
		used := p.cpu(tb)
		if used == last {
			return
		}
		last = used
	}
}

// loadInTurns sends a thousand requests to one server, then a thousand to the other,
// and so on: what else the machine does meets them alike. It reports the processor time
// of each for a request, with all that it did in the background, and the second's in
// proportion to the first's.
func loadInTurns(b *testing.B, p, q *process, ofP, ofQ func(i int) []byte) {
	b.Helper()
	const turn = 1000
	servers := [2]*process{p, q}
	var used [2]time.Duration
	for i, s := range servers {
		s.awaitIdle(b)
		used[i] = s.cpu(b)
	}
	for b.Loop() {
		for i, request := range [2]func(i int) []byte{ofP, ofQ} {
			numbers, done := servers[i].drive(b, request)
			for n := range turn {
				numbers <- n
			}
			close(numbers)
			done()
		}
	}
	for i, s := range servers {
		used[i] = s.cpu(b) - used[i]
		b.ReportMetric(float64(used[i].Nanoseconds())/float64(b.N*turn)/1000, fmt.Sprintf("server%d-cpu-µs/request", i+1))
	}
	b.ReportMetric(float64(used[1])/float64(used[0]), "ratio")
}

// drive sends the request of each number from one of loadClients connections.
// When numbers is closed, done waits for the last answers.
func (p *process) drive(tb testing.TB, request func(i int) []byte) (numbers chan<- int, done func()) {
	next := make(chan int, 1024)
	var wg sync.WaitGroup
	for range loadClients {
		wg.Go(func() {
			if err := p.sendAll(next, request); err != nil {
				tb.Error(err)
				for range next { // let the sender end
				}
			}
		})
	}
	return next, wg.Wait
}

func (p *process) sendAll(numbers <-chan int, request func(i int) []byte) error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.api, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	for i := range numbers {
		if err := exchange(conn, r, request(i)); err != nil {
			return err
		}
	}
	return nil
}

// exchange sends a request on a connection that is kept and reads the answer.
func exchange(conn net.Conn, answers *bufio.Reader, request []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s, %v", res.Status, err)
	}
	return nil
}

// kmsRequest is a signed request as it goes over the wire.
func kmsRequest(tb testing.TB, api, operation string, in any) []byte {
	tb.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, api+"/", bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	r.Header.Set("User-Agent", "bench")
	at := time.Now().UTC()
	scope := sigv4.Scope{AccessKeyID: benchKeyID, Date: at.Format("20060102"), Region: "us-east-1", Service: "kms"}
	sum := sha256.Sum256(body)
	s := sigv4.Signer{Key: sigv4.DeriveKey([]byte(benchSecret), scope), Scope: scope}
	if err := s.Sign(r, hex.EncodeToString(sum[:]), at); err != nil {
		tb.Fatal(err)
	}
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		tb.Fatal(err)
	}
	return wire.Bytes()
}

// call sends one request and returns the answer's body.
func call(tb testing.TB, api string, request []byte) []byte {
	tb.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(api, "http://"))
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(request); err != nil {
		tb.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		tb.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		tb.Fatalf("%s %s %v", res.Status, body, err)
	}
	return body
}

// BenchmarkEncrypt is kms:Encrypt of 32 bytes, with SigV4, decision, audit record
// and answer, beside a server that answers with the same JSON at once.
func BenchmarkEncrypt(b *testing.B) {
	p := startKeyfront(b)
	request := kmsRequest(b, p.api, "Encrypt", map[string]any{
		"KeyId": createKey(b, p), "Plaintext": bytes.Repeat([]byte{1}, 32), "EncryptionContext": map[string]string{"purpose": "bench"},
	})
	answer := call(b, p.api, request)
	bare := startBare(b, answer, "application/x-amz-json-1.1")
	same := func(int) []byte { return request }
	loadInTurns(b, bare, p, same, same)
}
