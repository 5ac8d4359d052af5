package identity

import (
	"context"
	"encoding/base32"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

const purposeSeed = "mfa-seed"

// resyncReach is how many steps off a device may be to be enabled or brought
// back into step: with two codes in a row that is safe.
const resyncReach = 40

// NewDevice is a virtual MFA device as its owner gets it, once.
type NewDevice struct {
	*Device
	// Seed is the shared secret in base32.
	Seed sealed.Secret
	// URI is what authenticator apps read: otpauth://totp/…, the seed included.
	URI sealed.Secret
}

// CreateDevice makes a virtual MFA device that belongs to nobody yet. It returns
// ErrExists about a path and name that are taken.
//
// Source: IAM API Reference, CreateVirtualMFADevice.
func (a *Admin) CreateDevice(ctx context.Context, who access.Caller, name, path string, tags []Tag) (_ NewDevice, err error) {
	call := a.begin(&who, "iam:CreateVirtualMFADevice", note{"virtualMFADeviceName", name}, note{"path", path})
	defer call.End(ctx, &err)
	d := &Device{Meta: Meta{Account: who.Account(), Name: name, Path: path, Tags: tags}}
	if err := checkNew(&who, "virtualMFADeviceName", &d.Meta, 226); err != nil {
		return NewDevice{}, err
	}
	if err := a.askNew(call, &who, d, "iam:TagMFADevice"); err != nil {
		return NewDevice{}, err
	}
	seed := sealed.RandomSecret(seedBytes)
	d.Seed = a.service.cfg.Domain.Wrap(purposeSeed, d.ARN(), seed)
	err = a.change(ctx, call, &who, func(t *txn) error {
		if err := t.free(KindDevice, d.Account, d.local()); err != nil {
			return err
		}
		if err := t.quota(KindDevice, d.Account, maxUsers*maxDevicesPerUser, "MFADevices"); err != nil {
			return err
		}
		d = copyOf(d)
		d.CreatedAt = t.now
		t.put(d)
		return nil
	})
	if err != nil {
		return NewDevice{}, err
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(seed.Reveal())
	label := url.PathEscape("Keyfront:" + d.Name + "@" + string(d.Account))
	return NewDevice{
		Device: d, Seed: sealed.NewSecret([]byte(text)),
		URI: sealed.NewSecret([]byte("otpauth://totp/" + label + "?secret=" + text + "&issuer=Keyfront")),
	}, nil
}

// device decides about a device of the caller's account by its serial number.
func (a *Admin) device(call *access.Call, who *access.Caller, serial string) (*Device, error) {
	d := a.deviceOf(who.Account(), serial)
	resource, tags := "*", []Tag(nil)
	if d != nil {
		resource, tags = d.ARN(), d.Tags
	} else if _, err := arn.Parse(serial); err == nil {
		resource = serial
	}
	if err := a.ask(call, who, resource, tags); err != nil {
		return nil, err
	}
	if d == nil {
		return nil, notFound(KindDevice, serial)
	}
	return d, nil
}

// deviceOf finds a device by its serial number, or nil.
func (a *Admin) deviceOf(account arn.AccountID, serial string) *Device {
	name, err := arn.Parse(serial)
	if err != nil || name.Account != account {
		return nil
	}
	d, ok := get[*Device](a.reg, account, strings.TrimPrefix(name.Resource, "mfa/"))
	if !ok || d.ARN() != serial {
		return nil
	}
	return d
}

// EnableDevice gives a device to a user who proves with two codes in a row to
// have it. It returns ErrAuthenticationCode about codes that are not the
// device's, and ErrExists about a device that somebody has.
func (a *Admin) EnableDevice(ctx context.Context, who access.Caller, user, serial, code1, code2 string) (err error) {
	call := a.begin(&who, "iam:EnableMFADevice", note{"userName", user}, note{"serialNumber", serial})
	defer call.End(ctx, &err)
	return a.proveDevice(ctx, call, &who, user, serial, code1, code2, func(u *User, d *Device, now time.Time) error {
		switch {
		case d.UserID != "":
			return fail(ErrExists, "MFA Device is already in use.")
		case len(among[*Device](a.reg, a.reg.belongings, u.ID)) >= maxDevicesPerUser:
			return fail(ErrLimit, "Cannot exceed quota for MFADevicesPerUser: %d", maxDevicesPerUser)
		}
		d.UserID, d.EnabledAt = u.ID, now
		return nil
	})
}

// ResyncDevice brings a user's device back into step, with two codes in a row.
func (a *Admin) ResyncDevice(ctx context.Context, who access.Caller, user, serial, code1, code2 string) (err error) {
	call := a.begin(&who, "iam:ResyncMFADevice", note{"userName", user}, note{"serialNumber", serial})
	defer call.End(ctx, &err)
	return a.proveDevice(ctx, call, &who, user, serial, code1, code2, func(u *User, d *Device, _ time.Time) error {
		if d.UserID != u.ID {
			return notFound(KindDevice, serial)
		}
		return nil
	})
}

func (a *Admin) proveDevice(ctx context.Context, call *access.Call, who *access.Caller, user, serial, code1, code2 string, fn func(*User, *Device, time.Time) error) error {
	if _, err := admit[*User](a, call, who, user); err != nil {
		return err
	}
	d := a.deviceOf(who.Account(), serial)
	if d == nil {
		return notFound(KindDevice, serial)
	}
	last, err := a.twoCodes(who, d, code1, code2)
	if err != nil {
		return err
	}
	return a.change(ctx, call, who, func(t *txn) error {
		u, err := current[*User](t, who.Account(), user)
		if err != nil {
			return err
		}
		return edit(t, who.Account(), d.local(), func(d *Device) error {
			if d.LastStep >= last {
				return badCode(who, serial)
			}
			d.LastStep = last
			return fn(u, d, t.now)
		})
	})
}

// twoCodes gives the step of the second of two codes in a row.
func (a *Admin) twoCodes(who *access.Caller, d *Device, code1, code2 string) (int64, error) {
	serial := d.ARN()
	if !a.codes.open(serial, who.At) {
		return 0, badCode(who, serial)
	}
	seed, err := a.service.cfg.Domain.Unwrap(purposeSeed, serial, d.Seed)
	if err != nil {
		return 0, err
	}
	step := findStep(seed.Reveal(), code1, who.At, d.LastStep, resyncReach)
	if step == 0 || code(seed.Reveal(), step+1) != code2 {
		a.codes.failed(serial, who.At)
		return 0, fail(ErrAuthenticationCode, "Authentication code for device is not valid")
	}
	return step + 1, nil
}

// badCode is what a wrong, stale or used code gets when a session is asked for.
func badCode(who *access.Caller, serial string) error {
	return fail(ErrSessionDenied, "MultiFactorAuthentication failed with invalid MFA one time pass code. ")
}

// checkCode proves that the caller's user has the device. It has no effect; the
// step that it returns is to be used up by useCode.
func (a *Admin) checkCode(who *access.Caller, serial, text string) (step int64, err error) {
	d := a.deviceOf(who.Account(), serial)
	if d == nil || who.Principal.Kind != policy.User || d.UserID != who.Principal.UniqueID || !a.codes.open(serial, who.At) {
		return 0, fail(ErrSessionDenied, "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.")
	}
	seed, err := a.service.cfg.Domain.Unwrap(purposeSeed, serial, d.Seed)
	if err != nil {
		return 0, err
	}
	if step = findStep(seed.Reveal(), text, who.At, d.LastStep, window); step == 0 {
		a.codes.failed(serial, who.At)
		return 0, badCode(who, serial)
	}
	return step, nil
}

// useCode makes sure that no code up to the step is taken again.
func (a *Admin) useCode(ctx context.Context, call *access.Call, who *access.Caller, serial string, step int64) error {
	return a.change(ctx, call, who, func(t *txn) error {
		d := a.deviceOf(who.Account(), serial)
		if d == nil {
			return notFound(KindDevice, serial)
		}
		return edit(t, d.Account, d.local(), func(d *Device) error {
			if d.LastStep >= step || d.UserID != who.Principal.UniqueID {
				return badCode(who, serial)
			}
			d.LastStep = step
			return nil
		})
	})
}

// DeactivateDevice takes a device from its user.
func (a *Admin) DeactivateDevice(ctx context.Context, who access.Caller, user, serial string) (err error) {
	call := a.begin(&who, "iam:DeactivateMFADevice", note{"userName", user}, note{"serialNumber", serial})
	defer call.End(ctx, &err)
	o, err := a.owner(call, &who, user)
	if err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		d := a.deviceOf(who.Account(), serial)
		if d == nil || d.UserID == "" || d.UserID != o.id {
			return notFound(KindDevice, serial)
		}
		return edit(t, d.Account, d.local(), func(d *Device) error {
			d.UserID, d.EnabledAt = "", time.Time{}
			return nil
		})
	})
}

// DeleteDevice deletes a device that belongs to nobody (ErrDeleteConflict).
func (a *Admin) DeleteDevice(ctx context.Context, who access.Caller, serial string) (err error) {
	call := a.begin(&who, "iam:DeleteVirtualMFADevice", note{"serialNumber", serial})
	defer call.End(ctx, &err)
	if _, err := a.device(call, &who, serial); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		d := a.deviceOf(who.Account(), serial)
		if d == nil {
			return notFound(KindDevice, serial)
		}
		if d.UserID != "" {
			return fail(ErrDeleteConflict, "MFA VirtualDevice in use. Must deactivate first.")
		}
		t.remove(d)
		return nil
	})
}

// UserDevices lists the devices of a user, or of the caller when name is empty,
// and says whose they are.
func (a *Admin) UserDevices(ctx context.Context, who access.Caller, name string, page Page) (_ List[*Device], user string, err error) {
	call := a.begin(&who, "iam:ListMFADevices", note{"userName", name})
	defer call.End(ctx, &err)
	o, err := a.owner(call, &who, name)
	if err != nil {
		return List[*Device]{}, "", err
	}
	var devices []*Device
	if o.id != "" {
		devices = among[*Device](a.reg, a.reg.belongings, o.id)
	}
	l, err := pageOfDevices(devices, page)
	return l, o.name, err
}

// pageOfDevices is a page of devices in the order of their names and paths.
func pageOfDevices(devices []*Device, page Page) (List[*Device], error) {
	key := func(d *Device) string { return nameKey(d) + " " + d.Path }
	slices.SortFunc(devices, func(a, b *Device) int { return strings.Compare(key(a), key(b)) })
	return paginate(devices, key, page)
}

// Devices lists the virtual MFA devices of the account: those that belong to
// somebody ("Assigned"), to nobody ("Unassigned"), or all ("Any", "").
func (a *Admin) Devices(ctx context.Context, who access.Caller, status string, page Page) (_ List[*Device], err error) {
	call := a.begin(&who, "iam:ListVirtualMFADevices", note{"assignmentStatus", status})
	defer call.End(ctx, &err)
	if status != "" {
		if err := checkEnum("assignmentStatus", status, "Assigned", "Unassigned", "Any"); err != nil {
			return List[*Device]{}, err
		}
	}
	if err := a.ask(call, &who, "*", nil); err != nil {
		return List[*Device]{}, err
	}
	var devices []*Device
	for _, d := range list[*Device](a.reg, who.Account(), "") {
		if status == "Assigned" && d.UserID == "" || status == "Unassigned" && d.UserID != "" {
			continue
		}
		devices = append(devices, d)
	}
	return pageOfDevices(devices, page)
}

// DeviceUser is whose device it is, nil if nobody's.
func (a *Admin) DeviceUser(d *Device) *User {
	u, _ := a.reg.byUniqueID(d.UserID).(*User)
	return u
}
