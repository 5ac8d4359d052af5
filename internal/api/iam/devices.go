package iam

import (
	"context"
	"encoding/base64"
	"fmt"

	"rsc.io/qr"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

type deviceDocument struct {
	UserName         string `xml:",omitempty"`
	SerialNumber     string
	Base32StringSeed string `xml:",omitempty"` // base64 of it
	QRCodePNG        string `xml:",omitempty"` // base64 of it
	User             *userDocument
	EnableDate       *query.Time
}

func deviceOf(d *identity.Device) deviceDocument {
	document := deviceDocument{SerialNumber: d.ARN()}
	if !d.EnabledAt.IsZero() {
		document.EnableDate = &query.Time{Time: d.EnabledAt}
	}
	return document
}

func (s *service) createVirtualMFADevice(f query.Form) querydoor.Run {
	name, path, tags := f.String("VirtualMFADeviceName"), f.Given("Path"), readTags(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		d, err := s.admin.CreateDevice(ctx, who, name, path, tags)
		if err != nil {
			return nil, err
		}
		picture, err := qr.Encode(string(d.URI.Reveal()), qr.M)
		if err != nil {
			return nil, fmt.Errorf("iam: QR code: %w", err)
		}
		document := deviceOf(d.Device)
		document.Base32StringSeed = base64.StdEncoding.EncodeToString(d.Seed.Reveal())
		document.QRCodePNG = base64.StdEncoding.EncodeToString(picture.PNG())
		return struct{ VirtualMFADevice deviceDocument }{document}, nil
	}
}

func (s *service) enableMFADevice(f query.Form) querydoor.Run {
	user, serial := f.String("UserName"), f.String("SerialNumber")
	code1, code2 := f.String("AuthenticationCode1"), f.String("AuthenticationCode2")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.EnableDevice(ctx, who, user, serial, code1, code2)
	})
}

func (s *service) resyncMFADevice(f query.Form) querydoor.Run {
	user, serial := f.String("UserName"), f.String("SerialNumber")
	code1, code2 := f.String("AuthenticationCode1"), f.String("AuthenticationCode2")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.ResyncDevice(ctx, who, user, serial, code1, code2)
	})
}

func (s *service) deactivateMFADevice(f query.Form) querydoor.Run {
	user, serial := f.Given("UserName"), f.String("SerialNumber")
	return done(func(ctx context.Context, who access.Caller) error {
		return s.admin.DeactivateDevice(ctx, who, user, serial)
	})
}

func (s *service) deleteVirtualMFADevice(f query.Form) querydoor.Run {
	serial := f.String("SerialNumber")
	return done(func(ctx context.Context, who access.Caller) error { return s.admin.DeleteDevice(ctx, who, serial) })
}

type devicesResult struct {
	MFADevices query.List[deviceDocument]
	cut
}

func (s *service) listMFADevices(f query.Form) querydoor.Run {
	name, page := f.Given("UserName"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, user, err := s.admin.UserDevices(ctx, who, name, page)
		if err != nil {
			return nil, err
		}
		return devicesResult{listOf(l.Items, func(d *identity.Device) deviceDocument {
			document := deviceOf(d)
			document.UserName = user
			return document
		}), cutOf(l.Marker)}, nil
	}
}

type virtualDevicesResult struct {
	VirtualMFADevices query.List[deviceDocument]
	cut
}

func (s *service) listVirtualMFADevices(f query.Form) querydoor.Run {
	status, page := f.Given("AssignmentStatus"), pageOf(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		l, err := s.admin.Devices(ctx, who, status, page)
		if err != nil {
			return nil, err
		}
		return virtualDevicesResult{listOf(l.Items, func(d *identity.Device) deviceDocument {
			document := deviceOf(d)
			if u := s.admin.DeviceUser(d); u != nil {
				user := listedUser(u)
				document.User = &user
			}
			return document
		}), cutOf(l.Marker)}, nil
	}
}
