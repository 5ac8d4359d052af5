package delivery

import "strings"

// maxLogPrefixBytes bounds what the keys of log files begin with.
//
// Source: CloudFront API Reference, LoggingConfig.
const maxLogPrefixBytes = 256

// check refuses what no log can be written by.
func (l *LoggingConfig) check() error {
	if l.Bucket != "" || l.Enabled {
		if _, ok := l.bucket(); !ok {
			return refuse(ErrInvalid, "The parameter Logging Bucket is not the domain name of a bucket, such as mylogs.s3.amazonaws.com: %.200q.", l.Bucket)
		}
	}
	if len(l.Prefix) > maxLogPrefixBytes || strings.HasPrefix(l.Prefix, "/") || hasControl(l.Prefix) {
		return refuse(ErrInvalid, "The parameter Logging Prefix has more than %d characters, begins with a slash, or holds control characters.", maxLogPrefixBytes)
	}
	return nil
}

// bucket is the name of the bucket in its domain name,
//
//	<bucket>.s3.amazonaws.com
//	<bucket>.s3.<region>.amazonaws.com
func (l *LoggingConfig) bucket() (name string, ok bool) {
	rest, ok := strings.CutSuffix(l.Bucket, ".amazonaws.com")
	if !ok {
		return "", false
	}
	if name, ok = strings.CutSuffix(rest, ".s3"); !ok {
		var region string
		at := strings.LastIndex(rest, ".s3.")
		if at < 0 {
			return "", false
		}
		name, region = rest[:at], rest[at+len(".s3."):]
		if region == "" || strings.Contains(region, ".") {
			return "", false
		}
	}
	return name, name != ""
}
