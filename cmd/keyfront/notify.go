package main

import (
	"fmt"
	"net"
)

// notify tells the service manager that started the server how it stands, such as
// "READY=1"; without one it does nothing.
//
// Source: systemd, sd_notify(3).
func notify(e env, state string) error {
	socket := e.getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	return nil
}
