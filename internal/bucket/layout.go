package bucket

import (
	"encoding/base64"
	"strings"

	"github.com/keyfront-project/keyfront/internal/store"
)

// The spaces and their keys, as docs/spec/bucket-records.md describes them. A
// bucket's id has a fixed length and is never used again, so what belongs to a
// deleted bucket is not found under a new one of its name.
const (
	spaceBucket store.Space = "s3.bucket" // name -> bucket record
	spaceObject store.Space = "s3.object" // bucket id, "/", key -> current version
	spaceInline store.Space = "s3.inline" // generation -> sealed bytes of a small object
	spaceBlob   store.Space = "s3.blob"   // name of a blob -> bucket id, "/", key
	spaceUpload store.Space = "s3.upload" // bucket id, "/", escaped key, 00 00, upload id -> upload
	spacePart   store.Space = "s3.part"   // upload id or generation, "/", part number -> part
)

const bucketIDBytes = 16 // characters of base64url

func objectKey(bucketID, key string) string { return bucketID + "/" + key }

// escapeKey makes a key that may be followed by 00 00 and more: the order of
// escaped keys is that of the keys, and no escaped key holds 00 00.
func escapeKey(key string) string {
	return strings.ReplaceAll(key, "\x00", "\x00\x01")
}

func unescapeKey(s string) string {
	return strings.ReplaceAll(s, "\x00\x01", "\x00")
}

func encodeID(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
