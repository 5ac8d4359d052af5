//go:build !unix

package rootkey

import "io/fs"

// owner knows no users here.
func owner(fs.FileInfo) (uid int, known bool) { return 0, false }
