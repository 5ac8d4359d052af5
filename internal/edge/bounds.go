package edge

import (
	"net/http"
	"time"
)

const (
	// readHeaderTimeout bounds how long a request's head may take.
	readHeaderTimeout = 10 * time.Second
	// idleTimeout is how long a connection may wait for its next request.
	idleTimeout = 2 * time.Minute
	// maxHeaderBytes bounds a request's head.
	//
	// Source: CloudFront Developer Guide, "Quotas", maximum length of a request.
	maxHeaderBytes = 32 << 10
	// viewerPatience is how long a viewer may refuse to take more of an answer,
	// or to send more of a request's body.
	viewerPatience = time.Minute
)

// Bound sets what s, which serves viewers or the servers before them, grants to
// a request's head and to connections without a request.
func Bound(s *http.Server) {
	s.ReadHeaderTimeout = readHeaderTimeout
	s.IdleTimeout = idleTimeout
	s.MaxHeaderBytes = maxHeaderBytes
	s.DisableGeneralOptionsHandler = true // what asks for all of a server asks for no distribution
}
