package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkKeyPair is the time that a caller on a kept connection waits for
// kms:GenerateDataKeyPairWithoutPlaintext of RSA_2048 while the pool is filled,
// beside that for a data key, which needs no pool. Half of the pool is taken at a
// time: the server fills it up again when it is idle.
func BenchmarkKeyPair(b *testing.B) {
	const pool = 16
	p := startOn(b, b.TempDir()+"/data", "--config", settings(b, fmt.Sprintf("keys:\n  pool: {rsa2048: %d}\n", pool)))
	key := createKey(b, p)
	for _, op := range []struct{ name, spec string }{
		{"GenerateDataKeyWithoutPlaintext", `"KeySpec":"AES_256"`},
		{"GenerateDataKeyPairWithoutPlaintext", `"KeyPairSpec":"RSA_2048"`},
	} {
		b.Run(op.name, func(b *testing.B) {
			request := kmsRequest(b, p.api, op.name, json.RawMessage(`{"KeyId":"`+key+`",`+op.spec+`}`))
			conn, err := net.Dial("tcp", strings.TrimPrefix(p.api, "http://"))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			var took []time.Duration
			for b.Loop() {
				if len(took)%(pool/2) == 0 {
					p.awaitIdle(b)
				}
				start := time.Now()
				if err := exchange(conn, answers, request); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// settings is a configuration file.
func settings(tb testing.TB, yaml string) string {
	tb.Helper()
	name := tb.TempDir() + "/settings.yaml"
	if err := os.WriteFile(name, []byte(yaml), 0o600); err != nil {
		tb.Fatal(err)
	}
	return name
}

// BenchmarkManyKeys is what operations on ten keys cost on servers that have twenty and
// that have a hundred thousand, in turns, and what a start of the latter takes. On both a
// page of ten keys has a successor.
func BenchmarkManyKeys(b *testing.B) {
	few, dir := startKeyfront(b), b.TempDir()+"/data"
	config := settings(b, "keys:\n  maxPerRegion: 1000000\n")
	many := startOn(b, dir, "--config", config)
	stop := func() {
		_ = many.cmd.Process.Signal(syscall.SIGTERM)
		_ = many.cmd.Wait()
	}
	fill(b, few, 20)
	// These keys' records fill the first file of the audit log, which is indexed in
	// the background: a server that starts has done so before it is idle.
	fill(b, many, 105_000)
	stop()
	many = startOn(b, dir, "--config", config)
	servers := [2]struct {
		p    *process
		keys []string
	}{{few, keyIDs(b, few)}, {many, keyIDs(b, many)}}
	for _, op := range []struct {
		name string
		in   func(key string) any
	}{
		{"Encrypt", func(key string) any { return map[string]any{"KeyId": key, "Plaintext": []byte("a secret")} }},
		{"DescribeKey", func(key string) any { return map[string]any{"KeyId": key} }},
		{"ListKeys", func(string) any { return map[string]any{"Limit": 10} }},
		{"ListAliases", func(key string) any { return map[string]any{"KeyId": key} }},
		{"CreateKey", func(string) any { return struct{}{} }},
	} {
		var of [2]func(i int) []byte
		for i, s := range servers {
			requests := make([][]byte, 10)
			for j := range requests {
				requests[j] = kmsRequest(b, s.p.api, op.name, op.in(s.keys[j*len(s.keys)/len(requests)]))
			}
			of[i] = func(j int) []byte { return requests[j%len(requests)] }
		}
		b.Run(op.name, func(b *testing.B) { loadInTurns(b, few, many, of[0], of[1]) })
	}
	b.Run("start", func(b *testing.B) {
		var resident int64
		for b.Loop() {
			b.StopTimer()
			stop()
			b.StartTimer()
			many = startOn(b, dir, "--config", config)
			resident = max(resident, residentKiB(b, many.cmd.Process.Pid))
		}
		b.ReportMetric(float64(resident)/1024, "MiB-resident")
	})
}

func createKey(tb testing.TB, p *process) (arn string) {
	tb.Helper()
	var created struct{ KeyMetadata struct{ Arn string } }
	if err := json.Unmarshal(call(tb, p.api, kmsRequest(tb, p.api, "CreateKey", struct{}{})), &created); err != nil {
		tb.Fatal(err)
	}
	return created.KeyMetadata.Arn
}

// fill makes n keys.
func fill(tb testing.TB, p *process, n int) {
	tb.Helper()
	request := kmsRequest(tb, p.api, "CreateKey", struct{}{})
	numbers, done := p.drive(tb, func(int) []byte { return request })
	for i := range n {
		numbers <- i
	}
	close(numbers)
	done()
}

// keyIDs lists the keys of a server.
func keyIDs(tb testing.TB, p *process) (ids []string) {
	tb.Helper()
	in := map[string]any{"Limit": 1000}
	for {
		var page struct {
			Keys       []struct{ KeyId string }
			NextMarker string
		}
		if err := json.Unmarshal(call(tb, p.api, kmsRequest(tb, p.api, "ListKeys", in)), &page); err != nil {
			tb.Fatal(err)
		}
		for _, k := range page.Keys {
			ids = append(ids, k.KeyId)
		}
		if page.NextMarker == "" {
			return ids
		}
		in["Marker"] = page.NextMarker
	}
}
