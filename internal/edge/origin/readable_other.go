//go:build !unix

package origin

import "net"

// readable cannot tell here: what arrives on a kept connection is seen when the
// transport's reader is.
func readable(net.Conn) bool { return false }
