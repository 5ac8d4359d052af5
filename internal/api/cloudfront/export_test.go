package cloudfront

import "github.com/keyfront-project/keyfront/internal/delivery"

// DecodeDistribution and EncodeDistribution show the codec of the largest
// document, before the service has a say.
func DecodeDistribution(body []byte) (delivery.DistributionConfig, error) {
	return decode(distributionConfig, "DistributionConfig", body)
}

func EncodeDistribution(c *delivery.DistributionConfig) []byte {
	return document("DistributionConfig", distributionConfig, c)
}

// WireErrors are the errors that the table knows.
func WireErrors() []error {
	var all []error
	for _, row := range wireErrors {
		all = append(all, row.err)
	}
	return all
}
