//go:build !linux

package function

// keepDescriptors does nothing: elsewhere functions do not run in processes of
// their own that are confined.
func keepDescriptors() {}
