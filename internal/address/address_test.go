package address_test

import (
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/address"
)

func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		address             string
		public, notMetadata error
	}{
		{"93.184.216.34:443", nil, nil},
		{"[2606:4700::1111]:443", nil, nil},
		{"[::ffff:93.184.216.34]:443", nil, nil},
		{"[64:ff9b::5db8:d822]:443", nil, nil},
		{"127.0.0.1:80", address.ErrPrivate, nil},
		{"127.9.9.9:80", address.ErrPrivate, nil},
		{"0.0.0.0:80", address.ErrPrivate, nil},
		{"0.1.2.3:80", address.ErrPrivate, nil},
		{"10.1.2.3:80", address.ErrPrivate, nil},
		{"172.31.0.1:80", address.ErrPrivate, nil},
		{"192.168.0.1:80", address.ErrPrivate, nil},
		{"100.64.0.1:80", address.ErrPrivate, nil},
		{"224.0.0.1:80", address.ErrPrivate, nil},
		{"255.255.255.255:80", address.ErrPrivate, nil},
		{"[::1]:80", address.ErrPrivate, nil},
		{"[::]:80", address.ErrPrivate, nil},
		{"[fc00::1]:80", address.ErrPrivate, nil},
		{"[::ffff:127.0.0.1]:80", address.ErrPrivate, nil},
		{"[64:ff9b::7f00:1]:80", address.ErrPrivate, nil},
		{"[2002:7f00:1::]:80", address.ErrPrivate, nil},
		{"[2001:db8::1]:80", address.ErrPrivate, nil},
		{"169.254.169.254:80", address.ErrMetadata, address.ErrMetadata},
		{"[fe80::1%eth0]:80", address.ErrMetadata, address.ErrMetadata},
		{"[fd00:ec2::254]:80", address.ErrMetadata, address.ErrMetadata},
		{"[::ffff:169.254.169.254]:80", address.ErrMetadata, address.ErrMetadata},
		{"[64:ff9b::a9fe:a9fe]:80", address.ErrMetadata, address.ErrMetadata},
	} {
		if err := address.Public("tcp", tt.address, nil); !errors.Is(err, tt.public) {
			t.Errorf("Public(%s) = %v, want %v", tt.address, err, tt.public)
		}
		if err := address.NotMetadata("tcp", tt.address, nil); !errors.Is(err, tt.notMetadata) {
			t.Errorf("NotMetadata(%s) = %v, want %v", tt.address, err, tt.notMetadata)
		}
	}
	for _, control := range []func(string) error{
		func(a string) error { return address.Public("tcp", a, nil) },
		func(a string) error { return address.NotMetadata("tcp", a, nil) },
	} {
		if control("no address") == nil {
			t.Error("what is no address is let through")
		}
	}
}
