package trail

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/keyfront-project/keyfront/internal/bucket"
)

const (
	signatureAlgorithm = "SHA256withRSA"
	hashAlgorithm      = "SHA-256"
)

// digest is a digest file. Its members are in the order of CloudTrail's.
//
// Source: AWS CloudTrail User Guide, "CloudTrail digest file structure".
type digest struct {
	Account            string     `json:"awsAccountId"`
	Start              time.Time  `json:"digestStartTime"`
	End                time.Time  `json:"digestEndTime"`
	Bucket             string     `json:"digestS3Bucket"`
	Object             string     `json:"digestS3Object"`
	Fingerprint        string     `json:"digestPublicKeyFingerprint"`
	SignatureAlgorithm string     `json:"digestSignatureAlgorithm"`
	Newest             *time.Time `json:"newestEventTime"`
	Oldest             *time.Time `json:"oldestEventTime"`
	PreviousBucket     *string    `json:"previousDigestS3Bucket"`
	PreviousObject     *string    `json:"previousDigestS3Object"`
	PreviousHash       *string    `json:"previousDigestHashValue"`
	PreviousAlgorithm  *string    `json:"previousDigestHashAlgorithm"`
	PreviousSignature  *string    `json:"previousDigestSignature"`
	Files              []logFile  `json:"logFiles"`
}

// deliverDigest writes the digest of what was delivered in a region since the
// one before.
func (s *Service) deliverDigest(ctx context.Context, r *record, p *plan) (func(*record), error) {
	c := r.Digests[p.Digest]
	if c == nil { // validation was switched off meanwhile
		return func(*record) {}, nil
	}
	key, err := s.signingKey(ctx, p.Digest, p)
	if err != nil {
		return nil, err
	}
	d := digest{
		Account: string(r.Account), Start: c.Since, End: p.At, Bucket: r.Bucket, Object: r.digestKey(p),
		Fingerprint: key.fingerprint, SignatureAlgorithm: signatureAlgorithm, Files: c.Files,
	}
	if d.Files == nil {
		d.Files = []logFile{}
	}
	for i := range d.Files {
		f := &d.Files[i]
		if d.Newest == nil || f.Newest.After(*d.Newest) {
			d.Newest = &f.Newest
		}
		if d.Oldest == nil || f.Oldest.Before(*d.Oldest) {
			d.Oldest = &f.Oldest
		}
	}
	previous := "null"
	if last := c.Last; last != nil {
		algorithm := hashAlgorithm
		d.PreviousBucket, d.PreviousObject, d.PreviousHash, d.PreviousAlgorithm, d.PreviousSignature = &last.Bucket, &last.Object, &last.Hash, &algorithm, &last.Signature
		previous = last.Signature
	}
	content, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	signed := sha256.Sum256([]byte(d.End.Format(time.RFC3339) + "\n" + d.Bucket + "/" + d.Object + "\n" + hash + "\n" + previous))
	raw, err := rsa.SignPKCS1v15(nil, key.private, crypto.SHA256, signed[:])
	if err != nil {
		return nil, fmt.Errorf("trail: sign digest: %w", err)
	}
	signature := hex.EncodeToString(raw)
	err = s.put(ctx, r, d.Object, content, []bucket.Pair{{Name: "signature", Value: signature}, {Name: "signature-algorithm", Value: signatureAlgorithm}},
		bucket.EncryptionWish{Algorithm: bucket.S3Managed})
	if err != nil {
		return nil, err
	}
	return func(now *record) {
		now.Digest.Succeeded = p.At
		c := now.Digests[p.Digest]
		switch {
		case c == nil:
		case !now.Logging && now.Next >= now.Until:
			delete(now.Digests, p.Digest) // what comes after a stop is another chain
		default:
			*c = chain{Since: p.At, Last: &digestRef{d.Bucket, d.Object, hash, signature}}
		}
	}, nil
}

func (r *record) digestKey(p *plan) string {
	return fmt.Sprintf("%sCloudTrail-Digest/%s/%s/%s_CloudTrail-Digest_%s_%s_%s_%s.json.gz", r.objectPrefix(), p.Digest, p.At.Format("2006/01/02"),
		r.Account, p.Digest, r.Name, r.Region, p.At.Format("20060102T150405Z"))
}
