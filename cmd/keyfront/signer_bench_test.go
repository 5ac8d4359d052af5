package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/own"
)

// BenchmarkSign1000 is one call over HTTP that signs 1,000 URLs by an ECDSA
// profile; server-cpu-ms/op is all that the server spends for it.
func BenchmarkSign1000(b *testing.B) {
	server := startKeyfront(b)
	c := &client{endpoint: server.api, region: "us-east-1", access: benchKeyID, secret: benchSecret}
	if _, err := c.post(b.Context(), "signer/links", own.SignerProfile{Resources: []string{"https://example.com/films/*"}}); err != nil {
		b.Fatal(err)
	}
	in := own.SignRequest{ValidForSeconds: 3600}
	for i := range 1000 {
		in.URLs = append(in.URLs, fmt.Sprintf("https://example.com/films/%d.mp4?quality=high", i))
	}
	server.rest(b)
	start := server.cpu(b)
	for b.Loop() {
		answer, err := c.call(b.Context(), http.MethodPost, "signer/links/sign", in)
		if err != nil {
			b.Fatal(err)
		}
		var out own.SignAnswer
		if err := json.Unmarshal(answer, &out); err != nil || len(out.URLs) != len(in.URLs) {
			b.Fatalf("%d URLs, %v", len(out.URLs), err)
		}
	}
	b.ReportMetric(float64(server.cpu(b)-start)/float64(b.N)/1e6, "server-cpu-ms/op")
}

// rest waits until the server is through with what it does after a start, such
// as filling its pool of key pairs.
func (p *process) rest(b *testing.B) {
	b.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for used, tries := p.cpu(b), 0; tries < 60; tries++ {
		<-tick.C
		now := p.cpu(b)
		if now-used <= 20*time.Millisecond {
			return
		}
		used = now
	}
	b.Log("the server never comes to rest")
}
