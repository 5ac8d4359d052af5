package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// accessLogs are CloudFront's standard logs in a bucket: gzip files of lines with
// tabs between the fields that the line "#Fields:" names.
//
// Source: CloudFront Developer Guide, "Configure and use standard logs (access logs)".
type accessLogs struct {
	api            *s3.Client
	bucket, prefix *string
}

const (
	// maxLogBytes bounds one file, unpacked, and maxLogLineBytes a line of it.
	maxLogBytes     = 4 << 30
	maxLogLineBytes = 1 << 20
)

// seen tells when viewers first and last came in by a key since a moment, by
// the files written since then. Requests that were denied do not count: anyone
// can name a key. Of cookies the logs tell only where cookie logging is on.
func (l *accessLogs) seen(ctx context.Context, id string, since time.Time) (first, last time.Time, err error) {
	note := func(at time.Time) {
		if at.Before(since) {
			return
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	pages := s3.NewListObjectsV2Paginator(l.api, &s3.ListObjectsV2Input{Bucket: l.bucket, Prefix: l.prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return first, last, fmt.Errorf("access logs: %w", err)
		}
		for _, o := range page.Contents {
			if aws.ToTime(o.LastModified).Before(since) || !strings.HasSuffix(*o.Key, ".gz") {
				continue
			}
			got, err := l.api.GetObject(ctx, &s3.GetObjectInput{Bucket: l.bucket, Key: o.Key})
			if err != nil {
				return first, last, fmt.Errorf("access log %s: %w", *o.Key, err)
			}
			err = readLog(got.Body, id, note)
			got.Body.Close()
			if err != nil {
				return first, last, fmt.Errorf("access log %s: %w", *o.Key, err)
			}
		}
	}
	return first, last, nil
}

// readLog calls note for each request of a log file that was let in by a key.
func readLog(packed io.Reader, id string, note func(time.Time)) error {
	plain, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(io.LimitReader(plain, maxLogBytes))
	lines.Buffer(nil, maxLogLineBytes)
	// The order of the fields since 2018, until the file says otherwise.
	fields := map[string]int{"date": 0, "time": 1, "sc-status": 8, "cs-uri-query": 11, "cs(Cookie)": 12}
	for lines.Scan() {
		line := lines.Text()
		if names, ok := strings.CutPrefix(line, "#Fields:"); ok {
			clear(fields)
			for i, name := range strings.Fields(names) {
				fields[name] = i
			}
		}
		if strings.HasPrefix(line, "#") || !strings.Contains(line, id) {
			continue
		}
		values := strings.Split(line, "\t")
		field := func(name string) string {
			if i, ok := fields[name]; ok && i < len(values) {
				return values[i]
			}
			return ""
		}
		// Logs escape what they take over, '%' too.
		named := strings.Contains(field("cs-uri-query"), "Key-Pair-Id="+id) || strings.Contains(field("cs(Cookie)"), "Key-Pair-Id="+id)
		at, err := time.Parse(time.DateTime, field("date")+" "+field("time"))
		if named && err == nil && field("sc-status") != "403" {
			note(at)
		}
	}
	return lines.Err()
}
