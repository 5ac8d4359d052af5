package bucket

import (
	"encoding/base64"

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
)

const bucketIDBytes = 16 // characters of base64url

func objectKey(bucketID, key string) string { return bucketID + "/" + key }

func encodeID(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
