package sealedfile

// EncodeHeader is the inverse of ReadHeader.
func EncodeHeader(h *Header) ([]byte, error) { return h.encode() }
