package bucket

import "context"

// Recode decodes an object's record and encodes it again.
func Recode(b []byte) ([]byte, error) {
	v, err := decodeVersion(b)
	if err != nil {
		return nil, err
	}
	v.signed = v.appendSigned(nil)
	return v.encode(), nil
}

// MoveMarkers does what Open starts in the background.
func (s *Service) MoveMarkers(ctx context.Context) error { return s.moveMarkers(ctx) }

// ValidName tells whether a bucket can have the name.
var ValidName = validName
