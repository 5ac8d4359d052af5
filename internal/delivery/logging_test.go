package delivery_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

func TestLogging(t *testing.T) {
	f := open(t)
	for i, tt := range []struct {
		logging delivery.LoggingConfig
		want    *delivery.Logging // nil: logs nowhere
		refused bool
	}{
		{delivery.LoggingConfig{}, nil, false},
		{delivery.LoggingConfig{Bucket: "logs.s3.amazonaws.com"}, nil, false},
		{delivery.LoggingConfig{Enabled: true, Bucket: "logs.s3.amazonaws.com"}, &delivery.Logging{Bucket: "logs"}, false},
		{delivery.LoggingConfig{Enabled: true, IncludeCookies: true, Bucket: "my.logs.s3.eu-west-1.amazonaws.com", Prefix: "cf/"}, &delivery.Logging{Bucket: "my.logs", Prefix: "cf/", Cookies: true}, false},
		{delivery.LoggingConfig{Enabled: true}, nil, true},
		{delivery.LoggingConfig{Bucket: "logs"}, nil, true},
		{delivery.LoggingConfig{Enabled: true, Bucket: "logs.s3.amazonaws.com.example"}, nil, true},
		{delivery.LoggingConfig{Enabled: true, Bucket: ".s3.amazonaws.com"}, nil, true},
		{delivery.LoggingConfig{Enabled: true, Bucket: "logs.s3.a.b.amazonaws.com"}, nil, true},
		{delivery.LoggingConfig{Enabled: true, Bucket: "logs.s3..amazonaws.com"}, nil, true},
		{delivery.LoggingConfig{Enabled: true, Bucket: "logs.s3.amazonaws.com", Prefix: "/a"}, nil, true},
		{delivery.LoggingConfig{Enabled: true, Bucket: "logs.s3.amazonaws.com", Prefix: "a\nb"}, nil, true},
		{delivery.LoggingConfig{Enabled: true, Bucket: "logs.s3.amazonaws.com", Prefix: strings.Repeat("a", 257)}, nil, true},
	} {
		d, err := f.CreateDistribution(t.Context(), me, config(strings.Repeat("x", i+1), func(c *delivery.DistributionConfig) { c.Logging = tt.logging }))
		if tt.refused {
			if !errors.Is(err, delivery.ErrInvalid) || !strings.Contains(err.Error(), "Logging") {
				t.Errorf("%+v: %v, want %v that names Logging", tt.logging, err, delivery.ErrInvalid)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", tt.logging, err)
			continue
		}
		got := f.Snapshot().ByID(delivery.DistributionID(d.ID)).Logging
		if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
			t.Errorf("%+v: logs into %+v, want %+v", tt.logging, got, tt.want)
		}
	}
}
