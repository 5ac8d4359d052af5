//go:build !linux || !(amd64 || arm64)

package function_test

func tryAll() {}
