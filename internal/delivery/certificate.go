package delivery

import (
	"cmp"
	"crypto/tls"
)

// ViewerCertificate is what viewers by https meet.
type ViewerCertificate struct {
	// ARN names the certificate; empty for whichever is good for the name that
	// the viewer asks for.
	ARN string
	// Security is the security policy, as Security takes it.
	Security string
}

// modernSuites are those of TLS 1.2 with forward secrecy and authenticated
// encryption.
var modernSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// securityPolicies are the values of MinimumProtocolVersion. The older ones offer
// those of their cipher suites that crypto/tls takes for safe.
//
// Source: CloudFront Developer Guide, "Supported protocols and ciphers between
// viewers and CloudFront".
var securityPolicies = map[string]struct {
	least  uint16
	suites []uint16
}{
	"TLSv1":        {tls.VersionTLS10, nil},
	"TLSv1_2016":   {tls.VersionTLS10, nil},
	"TLSv1.1_2016": {tls.VersionTLS11, nil},
	"TLSv1.2_2018": {tls.VersionTLS12, nil},
	"TLSv1.2_2019": {tls.VersionTLS12, nil},
	"TLSv1.2_2021": {tls.VersionTLS12, modernSuites},
	"TLSv1.2_2025": {tls.VersionTLS12, modernSuites},
	"TLSv1.3_2025": {tls.VersionTLS13, nil},
}

// Security returns the least version of TLS under a security policy, and the
// cipher suites of TLS 1.2 and before; nil is crypto/tls's choice. Without a
// policy the least version is 1.2.
func Security(name string) (least uint16, suites []uint16) {
	if p, ok := securityPolicies[name]; ok {
		return p.least, p.suites
	}
	return tls.VersionTLS12, nil
}

// normalize also fills in the members that older clients read.
//
// Source: CloudFront API Reference, ViewerCertificate.
func (v *CertificateConfig) normalize() {
	switch {
	case v.IAMCertificateID != "":
	case v.ACMCertificateARN != "":
		v.MinimumProtocol = cmp.Or(v.MinimumProtocol, "TLSv1")
		v.Certificate, v.Source = v.ACMCertificateARN, "acm"
	case v.CloudFrontDefault:
		// The security policy is TLSv1, whatever was asked for.
		*v = NewDistributionConfig().ViewerCertificate
	}
}

func (v *CertificateConfig) validate(have func(arn string) bool) error {
	switch {
	case v.ACMCertificateARN == "":
		if !v.CloudFrontDefault {
			return refuse(ErrInvalid, "The parameter ViewerCertificate names no certificate.")
		}
		return nil
	case v.CloudFrontDefault:
		return refuse(ErrInvalid, "The parameter ViewerCertificate names two certificates.")
	case v.MinimumProtocol == "SSLv3":
		return unsupported("ViewerCertificate.MinimumProtocolVersion SSLv3")
	case v.SSLSupport == "vip", v.SSLSupport == "static-ip":
		return unsupported("ViewerCertificate.SSLSupportMethod " + v.SSLSupport)
	case v.SSLSupport != "sni-only":
		return invalidValue("ViewerCertificate.SSLSupportMethod", v.SSLSupport)
	}
	if _, ok := securityPolicies[v.MinimumProtocol]; !ok {
		return invalidValue("ViewerCertificate.MinimumProtocolVersion", v.MinimumProtocol)
	}
	if have == nil || !have(v.ACMCertificateARN) {
		return refuse(ErrInvalidCertificate, "The specified SSL certificate doesn't exist: no entry of edgeTLS in the server's configuration has the ARN %.256q.", v.ACMCertificateARN)
	}
	return nil
}

// compile leaves the policy of the default certificate to the edge: nobody chose it.
func (v *CertificateConfig) compile() ViewerCertificate {
	if v.ACMCertificateARN == "" {
		return ViewerCertificate{}
	}
	return ViewerCertificate{ARN: v.ACMCertificateARN, Security: v.MinimumProtocol}
}
