package lambda

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"github.com/keyfront-project/keyfront/internal/lambda"
)

// settings are the members by which a function is configured. Those that are raw
// stand for what Keyfront lacks.
type settings struct {
	Runtime, Role, Handler, Description *string
	Timeout, MemorySize                 *int
	Environment                         *environment
	EphemeralStorage                    *struct{ Size *int }
	LoggingConfig                       *loggingConfig
	TracingConfig                       *struct{ Mode string }
	SnapStart                           *struct{ ApplyOn string }

	VpcConfig, DeadLetterConfig, KMSKeyArn, Layers, FileSystemConfigs, ImageConfig json.RawMessage
	CapacityProviderConfig, DurableConfig, TenancyConfig                           json.RawMessage
}

type environment struct {
	Variables map[string]string
}

type loggingConfig struct {
	LogFormat           string
	LogGroup            string
	ApplicationLogLevel string `json:",omitempty"`
	SystemLogLevel      string `json:",omitempty"`
}

type codeSource struct {
	ZipFile         []byte
	S3Bucket, S3Key string
	S3ObjectVersion string

	ImageUri, SourceKMSKeyArn json.RawMessage
}

// set reports whether a raw member says anything.
func set(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", "{}", "[]", `""`:
		return false
	}
	return true
}

// refuseLacking names the first setting that Keyfront does not have.
func (s *settings) refuseLacking(functionName string) error {
	var vpc struct{ SubnetIds, SecurityGroupIds []string }
	if set(s.VpcConfig) && (json.Unmarshal(s.VpcConfig, &vpc) != nil || len(vpc.SubnetIds)+len(vpc.SecurityGroupIds) > 0) {
		return unsupportedSetting("VpcConfig")
	}
	var letters struct{ TargetArn string }
	if set(s.DeadLetterConfig) && (json.Unmarshal(s.DeadLetterConfig, &letters) != nil || letters.TargetArn != "") {
		return unsupportedSetting("DeadLetterConfig")
	}
	for _, m := range []struct {
		name string
		raw  json.RawMessage
	}{
		{"KMSKeyArn", s.KMSKeyArn},
		{"Layers", s.Layers},
		{"FileSystemConfigs", s.FileSystemConfigs},
		{"ImageConfig", s.ImageConfig},
		{"CapacityProviderConfig", s.CapacityProviderConfig},
		{"DurableConfig", s.DurableConfig},
		{"TenancyConfig", s.TenancyConfig},
	} {
		if set(m.raw) {
			return unsupportedSetting(m.name)
		}
	}
	switch l := s.LoggingConfig; {
	case s.TracingConfig != nil && s.TracingConfig.Mode != "PassThrough":
		return unsupportedSetting("TracingConfig.Mode " + s.TracingConfig.Mode)
	case s.SnapStart != nil && s.SnapStart.ApplyOn != "None":
		return unsupportedSetting("SnapStart.ApplyOn " + s.SnapStart.ApplyOn)
	case l == nil:
	case l.LogFormat != "" && l.LogFormat != "Text":
		return unsupportedSetting("LoggingConfig.LogFormat " + l.LogFormat)
	case l.ApplicationLogLevel != "" || l.SystemLogLevel != "":
		return unsupportedSetting("LoggingConfig with levels")
	case l.LogGroup != "" && l.LogGroup != lambda.LogGroup(functionName):
		return unsupportedSetting("LoggingConfig.LogGroup")
	}
	return nil
}

func (c *codeSource) source() (lambda.Code, error) {
	if set(c.ImageUri) {
		return lambda.Code{}, unsupportedSetting("ImageUri")
	}
	if set(c.SourceKMSKeyArn) {
		return lambda.Code{}, unsupportedSetting("SourceKMSKeyArn")
	}
	return lambda.Code{Zip: c.ZipFile, Bucket: c.S3Bucket, Key: c.S3Key, ObjectVersion: c.S3ObjectVersion}, nil
}

func unsupportedSetting(name string) error { return invalid("%s is not supported.", name) }

// checkArchitectures refuses all but x86_64, which is what is asked for where
// nothing is. The code runs on whatever this server runs on.
func checkArchitectures(list []string) error {
	if len(list) > 1 || len(list) == 1 && list[0] != "x86_64" {
		return unsupportedSetting("Architectures other than x86_64")
	}
	return nil
}

// value is what p points to, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// configuration is a FunctionConfiguration.
type configuration struct {
	FunctionName, FunctionArn, Runtime, Role, Handler string
	CodeSize                                          int64
	Description                                       string
	Timeout, MemorySize                               int
	LastModified, CodeSha256, Version                 string
	Environment                                       *environment `json:",omitempty"`
	TracingConfig                                     struct{ Mode string }
	RevisionId                                        string
	State, LastUpdateStatus                           string `json:",omitempty"`
	PackageType                                       string
	Architectures                                     []string
	EphemeralStorage                                  struct{ Size int }
	SnapStart                                         struct{ ApplyOn, OptimizationStatus string }
	RuntimeVersionConfig                              *runtimeVersion `json:",omitempty"`
	LoggingConfig                                     loggingConfig
}

type runtimeVersion struct{ RuntimeVersionArn string }

// modifiedForm is how the service writes when a function was changed.
const modifiedForm = "2006-01-02T15:04:05.000-0700"

func configurationOf(v *lambda.Version) *configuration {
	c := &configuration{
		FunctionName: v.Name, FunctionArn: v.ARN, Runtime: v.Runtime, Role: v.Role, Handler: v.Handler, CodeSize: v.CodeBytes,
		Description: v.Description, Timeout: v.TimeoutSec, MemorySize: v.MemoryMB, LastModified: v.Modified.UTC().Format(modifiedForm),
		CodeSha256: base64.StdEncoding.EncodeToString(v.CodeSHA256[:]), Version: v.Version, RevisionId: v.RevisionID,
		State: "Active", LastUpdateStatus: "Successful", PackageType: "Zip", Architectures: []string{"x86_64"},
	}
	if v.Env != nil {
		c.Environment = &environment{v.Env}
	}
	c.RuntimeVersionConfig = &runtimeVersion{v.RuntimeARN}
	c.TracingConfig.Mode = "PassThrough"
	c.EphemeralStorage.Size = v.EphemeralMB
	c.SnapStart.ApplyOn, c.SnapStart.OptimizationStatus = "None", "Off"
	c.LoggingConfig = loggingConfig{LogFormat: "Text", LogGroup: lambda.LogGroup(v.Name)}
	return c
}

type versionList struct {
	Versions   []*configuration
	NextMarker string `json:",omitempty"`
}

type functionList struct {
	Functions  []*configuration
	NextMarker string `json:",omitempty"`
}

func configurationsOf(list []*lambda.Version) []*configuration {
	out := make([]*configuration, len(list))
	for i, v := range list {
		out[i] = configurationOf(v)
		// Lists say nothing of how a function is now.
		out[i].State, out[i].LastUpdateStatus, out[i].RuntimeVersionConfig = "", "", nil
	}
	return out
}

type alias struct {
	AliasArn, Name, FunctionVersion, Description, RevisionId string
}

func aliasOf(a *lambda.Alias) *alias {
	return &alias{a.ARN, a.Name, a.Version, a.Description, a.RevisionID}
}
