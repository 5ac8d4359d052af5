package bucket

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/keyfront-project/keyfront/internal/store"
)

// The spaces and their keys, as docs/spec/bucket-records.md describes them. A
// bucket's id has a fixed length and is never used again, so what belongs to a
// deleted bucket is not found under a new one of its name.
const (
	spaceBucket store.Space = "s3.bucket" // name -> bucket record
	spaceObject store.Space = "s3.object" // bucket id, "/", key -> current version, an object
	spaceMarker store.Space = "s3.marker" // bucket id, "/", key -> current version, a delete marker
	spaceInline store.Space = "s3.inline" // generation -> sealed bytes of a small object
	spaceBlob   store.Space = "s3.blob"   // name of a blob -> bucket id, "/", key

	spaceVersion store.Space = "s3.version" // bucket id, "/", escaped key, 00 00, inverted sequence, generation -> older version
	spaceNull    store.Space = "s3.null"    // bucket id, "/", key -> inverted sequence, generation of the older version whose id is "null"

	spaceUpload   store.Space = "s3.upload"   // bucket id, "/", escaped key, 00 00, generation -> version of kindUpload
	spacePart     store.Space = "s3.part"     // generation, "/", part number -> part
	spaceManifest store.Space = "s3.manifest" // generation -> parts
)

const bucketIDBytes = 16 // characters of base64url

func objectKey(bucketID, key string) string { return bucketID + "/" + key }

// escapeKey makes a key that 00 00 and more may follow: escaped keys order as
// the keys do, and none holds 00 00.
func escapeKey(key string) string { return strings.ReplaceAll(key, "\x00", "\x00\x01") }

func unescapeKey(s string) string { return strings.ReplaceAll(s, "\x00\x01", "\x00") }

const keyEnd = "\x00\x00"

func uploadKey(bucketID, key, generation string) string {
	return objectKey(bucketID, escapeKey(key)) + keyEnd + generation
}

// splitUploadKey is the inverse of uploadKey, without the bucket's id.
func splitUploadKey(s string) (key, generation string, ok bool) {
	end := len(s) - generationBytes - len(keyEnd)
	if end < bucketIDBytes+1 || s[end:end+len(keyEnd)] != keyEnd {
		return "", "", false
	}
	return unescapeKey(s[bucketIDBytes+1 : end]), s[end+len(keyEnd):], true
}

func partKey(generation string, number int) string {
	return fmt.Sprintf("%s/%05d", generation, number)
}

func encodeID(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
