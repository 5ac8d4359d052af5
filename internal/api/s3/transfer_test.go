package s3_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	transfer "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/keyfront-project/keyfront/internal/bucket"
)

// The transfer manager uploads in parts and downloads by parts or by ranges, each
// with If-Match, and verifies checksums on both ways.
func TestTransferManager(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	ctx := t.Context()
	c := s.client()
	_, err := c.PutBucketEncryption(ctx, &awss3.PutBucketEncryptionInput{
		Bucket: aws.String("films"),
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
			BlockedEncryptionTypes:             &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{types.EncryptionTypeNone}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	key := bytes.Repeat([]byte{7}, 32)
	sum := md5.Sum(key)
	all := content(2*bucket.MinPartBytes + 77)
	for _, tt := range []struct {
		sse       string
		algorithm transfer.ChecksumAlgorithm
	}{
		{"AES256", transfer.ChecksumAlgorithmCrc32}, {"aws:kms", "CRC64NVME"}, {"SSE-C", transfer.ChecksumAlgorithmSha256},
	} {
		up := &transfermanager.UploadObjectInput{Bucket: aws.String("films"), Key: aws.String("k"), Body: bytes.NewReader(all), ChecksumAlgorithm: tt.algorithm}
		down := &transfermanager.DownloadObjectInput{Bucket: up.Bucket, Key: up.Key}
		if tt.sse == "SSE-C" {
			up.SSECustomerAlgorithm, up.SSECustomerKey, up.SSECustomerKeyMD5 = aws.String("AES256"), aws.String(base64.StdEncoding.EncodeToString(key)), aws.String(base64.StdEncoding.EncodeToString(sum[:]))
			down.SSECustomerAlgorithm, down.SSECustomerKey, down.SSECustomerKeyMD5 = up.SSECustomerAlgorithm, up.SSECustomerKey, up.SSECustomerKeyMD5
		} else {
			up.ServerSideEncryption = transfer.ServerSideEncryption(tt.sse)
		}
		manager := func(by transfer.GetObjectType) *transfermanager.Client {
			return transfermanager.New(c, func(o *transfermanager.Options) {
				o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency, o.GetObjectType = bucket.MinPartBytes, bucket.MinPartBytes, 3, by
			})
		}
		if _, err := manager(transfer.GetObjectParts).UploadObject(ctx, up); err != nil {
			t.Fatalf("%s, %s: UploadObject = %v", tt.sse, tt.algorithm, err)
		}
		for _, by := range []transfer.GetObjectType{transfer.GetObjectParts, transfer.GetObjectRanges} {
			into := &fixedWriter{b: make([]byte, len(all))}
			down.WriterAt = into
			if out, err := manager(by).DownloadObject(ctx, down); err != nil || !slices.Equal(into.b, all) {
				t.Errorf("%s, %s, by %s: DownloadObject = %+v, %v", tt.sse, tt.algorithm, by, out, err)
			}
		}
	}
}

type fixedWriter struct{ b []byte }

func (w *fixedWriter) WriteAt(p []byte, off int64) (int, error) { return copy(w.b[off:], p), nil }
