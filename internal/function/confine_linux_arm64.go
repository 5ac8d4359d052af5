package function

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// allowedHere are the calls that this processor's runtime makes beside the others.
var allowedHere []uintptr
