package delivery

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const maxPagePathBytes = 4000

// replaceable are the statuses that have custom error responses.
//
// Source: CloudFront API Reference, CustomErrorResponse.
var replaceable = []int{400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}

func (c *DistributionConfig) validateErrors() error {
	seen := make(map[int]bool)
	for i := range c.CustomErrors {
		e := &c.CustomErrors[i]
		switch {
		case !slices.Contains(replaceable, e.ErrorCode):
			return refuse(ErrInvalidErrorCode, "The parameter ErrorCode %d is none that can have a custom error response.", e.ErrorCode)
		case seen[e.ErrorCode]:
			return refuse(ErrInvalid, "The parameter CustomErrorResponses contains %d twice.", e.ErrorCode)
		}
		seen[e.ErrorCode] = true
		if err := e.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (e *CustomErrorConfig) validate() error {
	if e.MinTTL < 0 || e.MinTTL > maxTTLSeconds {
		return refuse(ErrInvalid, "The parameter ErrorCachingMinTTL must be 0 to %d seconds.", int64(maxTTLSeconds))
	}
	if (e.PagePath == "") != (e.ResponseCode == "") {
		return refuse(ErrInvalid, "The parameters ResponsePagePath and ResponseCode for %d must be set together.", e.ErrorCode)
	}
	if e.PagePath == "" {
		return nil
	}
	// A number has one spelling, so that the snapshot's is the stored one's.
	status, err := strconv.Atoi(e.ResponseCode)
	if err != nil || strconv.Itoa(status) != e.ResponseCode || status != 200 && !slices.Contains(replaceable, status) {
		return refuse(ErrInvalidResponseCode, "The parameter ResponseCode %.16q is not valid.", e.ResponseCode)
	}
	if !validPagePath(e.PagePath) {
		return refuse(ErrInvalidRelativePath, "The parameter ResponsePagePath %.256q must begin with a slash, be URL-encoded, and have at most %d characters.", e.PagePath, maxPagePathBytes)
	}
	return nil
}

// validPagePath reports whether p is a path alone, in the characters of a URL.
func validPagePath(p string) bool {
	if !strings.HasPrefix(p, "/") || len(p) > maxPagePathBytes || strings.ContainsAny(p, "?#") {
		return false
	}
	for i := range len(p) {
		if p[i] <= ' ' || p[i] >= 0x7f {
			return false
		}
	}
	_, err := url.PathUnescape(p)
	return err == nil
}
