package s3_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/keyfront-project/keyfront/internal/bucket"
)

// compositeSHA256 is the checksum of the checksums of parts.
func compositeSHA256(parts []types.CompletedPart) string {
	h := sha256.New()
	for _, p := range parts {
		sum, _ := base64.StdEncoding.DecodeString(*p.ChecksumSHA256)
		h.Write(sum)
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func TestSDKMultipart(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	c := s.client()
	ctx := t.Context()
	name, key := aws.String("films"), aws.String("dir/k")
	all := content(bucket.MinPartBytes + 100_000)
	for _, sse := range []types.ServerSideEncryption{types.ServerSideEncryptionAes256, types.ServerSideEncryptionAwsKms} {
		for _, algorithm := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha256} {
			u, err := c.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{
				Bucket: name, Key: key, ServerSideEncryption: sse, ChecksumAlgorithm: algorithm, ContentType: aws.String("video/mp4"),
			})
			if err != nil {
				t.Fatal(err)
			}
			var parts []types.CompletedPart
			for i, b := range [][]byte{all[:bucket.MinPartBytes], all[bucket.MinPartBytes:]} {
				p, err := c.UploadPart(ctx, &awss3.UploadPartInput{
					Bucket: name, Key: key, UploadId: u.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(b), ChecksumAlgorithm: algorithm,
				})
				if err != nil || p.ServerSideEncryption != sse {
					t.Fatalf("UploadPart = %+v, %v", p, err)
				}
				parts = append(parts, types.CompletedPart{
					ETag: p.ETag, PartNumber: aws.Int32(int32(i + 1)), ChecksumCRC32: p.ChecksumCRC32, ChecksumCRC64NVME: p.ChecksumCRC64NVME, ChecksumSHA256: p.ChecksumSHA256,
				})
			}
			listed, err := c.ListParts(ctx, &awss3.ListPartsInput{Bucket: name, Key: key, UploadId: u.UploadId, MaxParts: aws.Int32(1)})
			if err != nil || len(listed.Parts) != 1 || !*listed.IsTruncated || *listed.NextPartNumberMarker != "1" || *listed.Parts[0].ETag != *parts[0].ETag {
				t.Errorf("ListParts = %+v, %v", listed, err)
			}
			uploads, err := c.ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: name})
			if err != nil || len(uploads.Uploads) != 1 || *uploads.Uploads[0].UploadId != *u.UploadId {
				t.Errorf("ListMultipartUploads = %+v, %v", uploads, err)
			}
			complete := &awss3.CompleteMultipartUploadInput{Bucket: name, Key: key, UploadId: u.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: slices.Clone(parts)}}
			slices.Reverse(complete.MultipartUpload.Parts)
			_, err = c.CompleteMultipartUpload(ctx, complete)
			wantCode(t, "completing backwards", err, "InvalidPartOrder")
			slices.Reverse(complete.MultipartUpload.Parts)
			if algorithm == types.ChecksumAlgorithmSha256 {
				// The checksum of the whole may come as S3 shows it.
				complete.ChecksumSHA256 = aws.String(compositeSHA256(parts) + "-3")
				_, err = c.CompleteMultipartUpload(ctx, complete)
				wantCode(t, "completing with the checksum of three parts", err, "InvalidRequest")
				complete.ChecksumSHA256 = aws.String(compositeSHA256(parts) + "-2")
			}
			done, err := c.CompleteMultipartUpload(ctx, complete)
			if err != nil || !strings.HasSuffix(*done.ETag, `-2"`) || *done.Location != s.URL+"/films/dir/k" {
				t.Fatalf("CompleteMultipartUpload = %+v, %v", done, err)
			}
			got, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key})
			if err != nil || *got.ContentType != "video/mp4" || got.ServerSideEncryption != sse {
				t.Fatalf("GetObject = %+v, %v", got, err)
			}
			if b, err := io.ReadAll(got.Body); err != nil || !bytes.Equal(b, all) {
				t.Errorf("GetObject reads %d bytes, %v", len(b), err)
			}
			part, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key, PartNumber: aws.Int32(2)})
			// A part has a checksum of its own where the object's is made of the parts'.
			want := types.ChecksumType("")
			if got.ChecksumType == types.ChecksumTypeComposite {
				want = got.ChecksumType
			}
			if err != nil || part.ChecksumType != want || *part.PartsCount != 2 || *part.ContentRange != fmt.Sprintf("bytes %d-%d/%d", bucket.MinPartBytes, len(all)-1, len(all)) {
				t.Fatalf("GetObject of part 2 = %+v, %v", part, err)
			}
			// The SDK verifies the part's own checksum, if it has one.
			if b, err := io.ReadAll(part.Body); err != nil || !bytes.Equal(b, all[bucket.MinPartBytes:]) {
				t.Errorf("part 2 reads %d bytes, %v", len(b), err)
			}
		}
	}

	u, err := c.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: name, Key: aws.String("copy")})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{
		Bucket: name, Key: aws.String("copy"), UploadId: u.UploadId, PartNumber: aws.Int32(1),
		CopySource: aws.String("films/dir/k"), CopySourceRange: aws.String("bytes=10-5242899"),
	})
	if err != nil || p.CopyPartResult.ETag == nil {
		t.Fatalf("UploadPartCopy = %+v, %v", p, err)
	}
	_, err = c.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{
		Bucket: name, Key: aws.String("copy"), UploadId: u.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: p.CopyPartResult.ETag, PartNumber: aws.Int32(1)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: aws.String("copy")})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(got.Body); err != nil || !bytes.Equal(b, all[10:5242900]) {
		t.Errorf("copied part reads %d bytes, %v", len(b), err)
	}
	_, err = c.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: name, Key: key, UploadId: u.UploadId})
	wantCode(t, "AbortMultipartUpload of a completed upload", err, "NoSuchUpload")
}
