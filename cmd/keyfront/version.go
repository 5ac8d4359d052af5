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
	fmt.Fprintf(e.stdout, "keyfront %s\n", programVersion())
	return nil
}

func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && version == "" {
		return info.Main.Version
	}
	return version
}
