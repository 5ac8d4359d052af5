package main

import (
	"fmt"
	"runtime/debug"
)

type versionCmd struct{}

// version is set by release builds.
var version = ""

// Run prints the release, or the commit that an unreleased binary is made of.
func (versionCmd) Run(e env) error {
	v := version
	if info, ok := debug.ReadBuildInfo(); ok && v == "" {
		v = info.Main.Version
	}
	fmt.Fprintf(e.stdout, "keyfront %s\n", v)
	return nil
}
