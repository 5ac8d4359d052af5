package s3_test

import (
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/s3"
	"github.com/keyfront-project/keyfront/internal/bucket"
)

// Every exported error of the domain has a form of its own on the wire; what is not
// modified is a status without a body.
func TestEveryErrorHasACode(t *testing.T) {
	doortest.EveryError(t, "../../bucket", s3.WireErrors, "ErrNotModified")
	for _, err := range []error{
		&bucket.KeyTooLongError{}, &bucket.PreconditionError{}, &bucket.ConflictError{}, &bucket.RangeError{}, &bucket.CopyRangeError{}, &bucket.DigestError{},
		&bucket.PartTooSmallError{}, &bucket.InvalidPartError{}, &bucket.NoPartError{}, &bucket.TagError{}, &bucket.DeleteMarkerError{}, &bucket.DeleteMarkerError{Named: true},
		access.ErrDenied, &access.Denied{},
	} {
		if code := s3.ErrorCode(err); code == "InternalError" {
			t.Errorf("%T has no code", err)
		}
	}
	if code := s3.ErrorCode(errors.New("secret detail")); code != "InternalError" {
		t.Errorf("an unknown error has the code %s", code)
	}
}
