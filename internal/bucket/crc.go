package bucket

// combineCRC returns the CRC of two byte strings in a row from the CRC of each
// and the length of the second. All three CRCs of S3 are reflected, begin with
// all ones and end inverted; poly is the reflected polynomial of bits bits.
//
// A string of n zero bytes maps the register linearly over GF(2), so its matrix
// is raised to the power n by squaring, as zlib's crc32_combine does.
func combineCRC(poly uint64, bits int, first, second uint64, secondBytes int64) uint64 {
	// The map of one zero bit: shift, and subtract the polynomial.
	step := make(gf2Matrix, bits)
	step[0] = poly
	for i := 1; i < bits; i++ {
		step[i] = 1 << (i - 1)
	}
	for range 3 { // of one zero byte
		step = step.square()
	}
	for n := secondBytes; n > 0; n >>= 1 {
		if n&1 == 1 {
			first = step.apply(first)
		}
		step = step.square()
	}
	return first ^ second
}

// gf2Matrix holds the images of the unit vectors.
type gf2Matrix []uint64

func (m gf2Matrix) apply(v uint64) (sum uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 == 1 {
			sum ^= m[i]
		}
	}
	return sum
}

func (m gf2Matrix) square() gf2Matrix {
	s := make(gf2Matrix, len(m))
	for i := range m {
		s[i] = m.apply(m[i])
	}
	return s
}

// polynomial returns the reflected polynomial of a CRC and its bits; 0 bits for
// other algorithms.
func (a ChecksumAlgorithm) polynomial() (poly uint64, bits int) {
	switch a {
	case CRC32:
		return 0xedb88320, 32
	case CRC32C:
		return 0x82f63b78, 32
	case CRC64NVME:
		return polyNVME, 64
	default:
		return 0, 0
	}
}

func bigEndian(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

func appendBigEndian(v uint64, bits int) []byte {
	b := make([]byte, bits/8)
	for i := range b {
		b[i] = byte(v >> (bits - 8 - 8*i))
	}
	return b
}
