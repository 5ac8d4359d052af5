package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/schollz/progressbar/v3"

	"github.com/keyfront-project/keyfront/internal/detached"
)

// bucketFlags are shared by the commands that keep signed files in a bucket.
type bucketFlags struct {
	S3     string `name:"s3" help:"Bucket of the files and their signatures, instead of a folder." placeholder:"BUCKET"`
	Prefix string `help:"What the names of objects in the bucket begin with." placeholder:"TEXT"`
}

// What the metadata of a signed object and of its signature say.
const (
	metaKey       = "keyfront-signing-key"
	metaAlgorithm = "keyfront-signing-algorithm"
)

// An object of S3 has at most 10,000 parts. Files up to wholeBytes go in one
// request.
const (
	wholeBytes = 64 << 20
	maxParts   = 10_000
)

// objects is a bucket, ours or another.
type objects struct {
	client  *s3.Client
	bucket  string
	timeout time.Duration // of calls that carry no file
}

func (b *bucketFlags) objects(ctx context.Context, f *awsFlags) (*objects, error) {
	cfg, err := f.config(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := credentialsOf(ctx, cfg); err != nil {
		return nil, err
	}
	return &objects{bucket: b.S3, timeout: f.Timeout, client: s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = true // an address that is a number has no names below it
		// Of objects in parts; the signature is the better check.
		o.DisableLogOutputChecksumValidationSkipped = true
		if f.Endpoint != "" {
			o.BaseEndpoint = &f.Endpoint
		}
	})}, nil
}

// objectNames says what each file is called in the bucket.
func (b *bucketFlags) objectNames(files []string) ([]string, error) {
	names := make([]string, len(files))
	seen := map[string]bool{}
	for i, f := range files {
		names[i] = b.Prefix + filepath.Base(f)
		if seen[names[i]] {
			return nil, fmt.Errorf("%w: %s would be written twice", errUsage, names[i])
		}
		seen[names[i]] = true
	}
	return names, nil
}

// s3Hints say what to do about the errors of S3.
var s3Hints = map[string]string{
	"NoSuchBucket": "make the bucket first: aws s3 mb s3://BUCKET",
	"NoSuchKey":    "keyfront file sign --s3 puts a file and its signature there",
	"AccessDenied": "the policies of the bucket and of the caller must allow it; Keyfront tells the statement: keyfront why-denied REQUEST-ID",
}

func (o *objects) explain(ctx context.Context, action, name string, err error) error {
	return explainCall(ctx, o.timeout, fmt.Sprintf("%s %s", action, o.url(name)), s3Hints, err)
}

func (o *objects) url(name string) string { return "s3://" + o.bucket + "/" + name }

// putSigned puts the signature, then the file: whoever finds the file finds its
// signature.
func (o *objects) putSigned(j *job, name string, in input, s signed) error {
	if !in.regular {
		return fmt.Errorf("%s is no regular file, which --s3 needs", in.Name())
	}
	metadata := map[string]string{metaKey: s.key, metaAlgorithm: string(s.algorithm)}
	limited, cancel := context.WithTimeout(j.ctx, o.timeout)
	defer cancel()
	_, err := o.client.PutObject(limited, &s3.PutObjectInput{
		Bucket: &o.bucket, Key: aws.String(name + signatureSuffix), Body: bytes.NewReader(s.signature), Metadata: metadata,
	})
	if err != nil {
		return o.explain(j.ctx, "put", name+signatureSuffix, err)
	}
	if err := o.put(j.ctx, upload{name: name, content: in, bytes: in.bytes, metadata: metadata, bar: j.bar}); err != nil {
		return o.explain(j.ctx, "put", name, err)
	}
	return j.say("%s", o.url(name))
}

// upload is a file on its way into a bucket.
type upload struct {
	name        string
	content     io.ReaderAt
	bytes       int64
	contentType *string // nil: the bucket's choice
	metadata    map[string]string
	bar         *progressbar.ProgressBar // is told what has arrived
}

// put puts a file of any size.
func (o *objects) put(ctx context.Context, u upload) error {
	if u.bytes > wholeBytes {
		return o.putParts(ctx, u)
	}
	_, err := o.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &o.bucket, Key: &u.name, ContentType: u.contentType, Metadata: u.metadata,
		ContentLength: &u.bytes, Body: io.NewSectionReader(u.content, 0, u.bytes),
	})
	if err == nil {
		_ = u.bar.Add64(u.bytes)
	}
	return err
}

// putParts sends one part after the other, each from the file itself, so that
// memory does not grow with the file. On failure it takes back what it sent.
func (o *objects) putParts(ctx context.Context, u upload) (err error) {
	begun, err := o.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &o.bucket, Key: &u.name, ContentType: u.contentType, Metadata: u.metadata, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// Also when the user gave up: parts cost money until they are removed.
			limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.timeout)
			defer cancel()
			_, abortErr := o.client.AbortMultipartUpload(limited, &s3.AbortMultipartUploadInput{
				Bucket: &o.bucket, Key: &u.name, UploadId: begun.UploadId,
			})
			err = errors.Join(err, abortErr)
		}
	}()
	partBytes := max(wholeBytes, (u.bytes+maxParts-1)/maxParts)
	var done types.CompletedMultipartUpload
	for at := int64(0); at < u.bytes; at += partBytes {
		n, number := min(partBytes, u.bytes-at), int32(len(done.Parts)+1)
		part, err := o.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &o.bucket, Key: &u.name, UploadId: begun.UploadId, PartNumber: &number,
			ContentLength: &n, Body: io.NewSectionReader(u.content, at, n), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		})
		if err != nil {
			return err
		}
		done.Parts = append(done.Parts, types.CompletedPart{PartNumber: &number, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32})
		_ = u.bar.Add64(n)
	}
	_, err = o.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &o.bucket, Key: &u.name, UploadId: begun.UploadId, MultipartUpload: &done,
	})
	return err
}

// getSigned returns the content of an object and what its signature says.
func (o *objects) getSigned(ctx context.Context, name string) (io.ReadCloser, signed, error) {
	s, err := o.signature(ctx, name+signatureSuffix)
	if err != nil {
		return nil, s, err
	}
	content, err := o.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &name})
	if err != nil {
		return nil, s, o.explain(ctx, "get", name, err)
	}
	return content.Body, s, nil
}

func (o *objects) signature(ctx context.Context, name string) (s signed, err error) {
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	out, err := o.client.GetObject(limited, &s3.GetObjectInput{Bucket: &o.bucket, Key: &name})
	if err != nil {
		return s, o.explain(ctx, "get", name, err)
	}
	defer out.Body.Close()
	for meta, value := range out.Metadata {
		switch strings.ToLower(meta) {
		case metaKey:
			s.key = value
		case metaAlgorithm:
			s.algorithm = detached.Algorithm(value)
		}
	}
	s.signature, err = boundedSignature(o.url(name), out.Body)
	return s, err
}
