package secretsmanager

import "github.com/keyfront-project/keyfront/internal/wire/awsjson"

var (
	secretID     = awsjson.Rule{Member: "SecretId", Required: true, Length: awsjson.Between(1, 2048)}
	requestToken = awsjson.Rule{Member: "ClientRequestToken", Length: awsjson.Between(32, 64)}
	secretString = awsjson.Rule{Member: "SecretString", Length: awsjson.Between(1, 65536), Sensitive: true}
	secretBinary = awsjson.Rule{Member: "SecretBinary", Length: awsjson.Between(1, 65536), Sensitive: true}
	description  = awsjson.Rule{Member: "Description", Length: awsjson.AtMost(2048)}
	keyID        = awsjson.Rule{Member: "KmsKeyId", Length: awsjson.AtMost(2048)}
	tagKey       = awsjson.Rule{Member: "Tags[].Key", Required: true, Length: awsjson.Between(1, 128)}
	tagValue     = awsjson.Rule{Member: "Tags[].Value", Length: awsjson.AtMost(256)}
	stage        = awsjson.Rule{Member: "VersionStage", Length: awsjson.Between(1, 256)}
	maxResults   = awsjson.Rule{Member: "MaxResults", Value: awsjson.Between(1, 100)}
	filterKey    = awsjson.Rule{Member: "Filters[].Key", Enum: []string{"description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all"}}
	filterValues = awsjson.Rule{Member: "Filters[].Values", Length: awsjson.Between(1, 10)}
	document     = awsjson.Rule{Member: "ResourcePolicy", Required: true, Length: awsjson.Between(1, 20480)}
)

// rules is what the service model of Secrets Manager asks of each request.
var rules = map[string][]awsjson.Rule{
	"BatchGetSecretValue":      {{Member: "SecretIdList", Length: awsjson.Between(1, 20)}, {Member: "Filters", Length: awsjson.AtMost(10)}, filterKey, filterValues, {Member: "MaxResults", Value: awsjson.Between(1, 20)}},
	"CancelRotateSecret":       {secretID},
	"CreateSecret":             {{Member: "Name", Required: true, Length: awsjson.Between(1, 512)}, requestToken, description, keyID, secretBinary, secretString, tagKey, tagValue},
	"DeleteResourcePolicy":     {secretID},
	"DeleteSecret":             {secretID},
	"DescribeSecret":           {secretID},
	"GetRandomPassword":        {{Member: "PasswordLength", Value: awsjson.Between(1, 4096)}, {Member: "ExcludeCharacters", Length: awsjson.AtMost(4096)}},
	"GetResourcePolicy":        {secretID},
	"GetSecretValue":           {secretID, {Member: "VersionId", Length: awsjson.Between(32, 64)}, stage},
	"ListSecretVersionIds":     {secretID, maxResults},
	"ListSecrets":              {{Member: "Filters", Length: awsjson.AtMost(10)}, filterKey, filterValues, maxResults, {Member: "SortOrder", Enum: []string{"asc", "desc"}}, {Member: "SortBy", Enum: []string{"created-date", "last-accessed-date", "last-changed-date", "name"}}},
	"PutResourcePolicy":        {secretID, document},
	"PutSecretValue":           {secretID, requestToken, secretBinary, secretString, {Member: "VersionStages", Length: awsjson.Between(1, 20)}, {Member: "VersionStages[]", Length: awsjson.Between(1, 256)}},
	"RestoreSecret":            {secretID},
	"RotateSecret":             {secretID, requestToken, {Member: "RotationLambdaARN", Length: awsjson.AtMost(2048)}, {Member: "RotationRules.AutomaticallyAfterDays", Value: awsjson.AtLeast(1)}},
	"TagResource":              {secretID, {Member: "Tags", Required: true}, tagKey, tagValue},
	"UntagResource":            {secretID, {Member: "TagKeys", Required: true}},
	"UpdateSecret":             {secretID, requestToken, description, keyID, secretBinary, secretString},
	"UpdateSecretVersionStage": {secretID, {Member: "VersionStage", Required: true, Length: awsjson.Between(1, 256)}, {Member: "RemoveFromVersionId", Length: awsjson.Between(32, 64)}, {Member: "MoveToVersionId", Length: awsjson.Between(32, 64)}},
	"ValidateResourcePolicy":   {{Member: "SecretId", Length: awsjson.Between(1, 2048)}, document},
}
