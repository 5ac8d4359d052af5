package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/keyfront-project/keyfront/internal/certificate"
	"github.com/keyfront-project/keyfront/internal/edge"
)

const (
	// readHeaderTimeout bounds how long the head of a request to the API may take.
	readHeaderTimeout = 10 * time.Second
	// idleTimeout is how long a connection to the API may wait for its next request.
	idleTimeout = 2 * time.Minute
	// maxAPIHeaderBytes bounds the head of a request to the API.
	maxAPIHeaderBytes = 64 << 10
	// clientPatience is how long a client of the API may refuse to take more of an
	// answer. The edge's viewers have theirs in package edge.
	clientPatience = time.Minute
)

// listener is one address and the server behind it.
type listener struct {
	net  net.Listener
	http *http.Server
}

// close lets requests under way end until ctx does.
func (l *listener) close(ctx context.Context) error {
	if l.net == nil {
		return nil
	}
	var err error
	if l.http != nil && l.http.Shutdown(ctx) != nil {
		err = l.http.Close()
	}
	// Shutdown does not know a listener that was never served.
	if cerr := l.net.Close(); !errors.Is(cerr, net.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	return err
}

// listen takes the addresses. Requests that arrive now wait until serve.
func (s *Server) listen() error {
	for _, l := range []struct {
		on    *listener
		name  string // of the setting
		addr  string
		bound func(*http.Server)
	}{
		{&s.api, "api-addr", s.cfg.APIAddr, boundAPI},
		{&s.apiTLS, "api-tls-addr", s.cfg.APITLSAddr, boundAPI},
		{&s.viewers, "edge-addr", s.cfg.EdgeAddr, edge.Bound},
		{&s.viewersTLS, "edge-tls-addr", s.cfg.EdgeTLSAddr, edge.Bound},
		{&s.verify, "verify-addr", s.cfg.VerifyAddr, edge.Bound},
	} {
		if l.addr == "" {
			continue
		}
		var err error
		if l.on.net, err = net.Listen("tcp", l.addr); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		l.on.http = &http.Server{ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
		l.bound(l.on.http)
	}
	s.api.net = patientListener{s.api.net}
	return s.openCertificates()
}

// openCertificates reads the certificates of the listeners that need some.
func (s *Server) openCertificates() (err error) {
	if s.apiTLS.net != nil {
		s.apiTLS.net = patientListener{s.apiTLS.net}
		if s.apiCertificates, err = certificate.Open([]certificate.Files{{Cert: s.cfg.APITLS.CertFile, Key: s.cfg.APITLS.KeyFile}}); err != nil {
			return err
		}
	}
	if s.viewersTLS.net == nil {
		return nil
	}
	var files []certificate.Files
	for _, c := range s.cfg.EdgeTLS.All() {
		files = append(files, certificate.Files{Cert: c.CertFile, Key: c.KeyFile, ARN: c.ARN})
	}
	s.certificates, err = certificate.Open(files)
	return err
}

// apiTLSConfig is on what terms callers of the AWS services connect by https:
// from TLS 1.2 on and by HTTP/1.1, as on AWS.
func apiTLSConfig(certificates *certificate.Set) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &certificates.Named("")[0], nil
		},
	}
}

func boundAPI(h *http.Server) {
	h.Protocols = new(http.Protocols)
	h.Protocols.SetHTTP1(true)
	h.ReadHeaderTimeout, h.IdleTimeout, h.MaxHeaderBytes = readHeaderTimeout, idleTimeout, maxAPIHeaderBytes
}

// patientListener bounds how long a client may refuse what is written to it, so
// that none holds an answer, and what that holds open, for ever.
type patientListener struct{ net.Listener }

// Accept waits for the next connection.
func (l patientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return patientConn{c}, nil
}

type patientConn struct{ net.Conn }

// Write fails when it takes longer than clientPatience.
func (c patientConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(clientPatience)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// serve begins to answer on every listener.
func (s *Server) serve() {
	for _, l := range []*listener{&s.api, &s.apiTLS, &s.viewers, &s.viewersTLS, &s.verify} {
		if l.net == nil {
			continue
		}
		s.work.Go(func() {
			var err error
			if l.http.TLSConfig != nil {
				err = l.http.ServeTLS(l.net, "", "")
			} else {
				err = l.http.Serve(l.net)
			}
			if !errors.Is(err, http.ErrServerClosed) {
				s.fail(fmt.Errorf("serve %s: %w", l.net.Addr(), err))
			}
		})
	}
}
