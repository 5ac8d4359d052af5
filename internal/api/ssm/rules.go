package ssm

import "github.com/keyfront-project/keyfront/internal/wire/awsjson"

var (
	name          = awsjson.Rule{Member: "Name", Required: true, Length: awsjson.Between(1, 2048)}
	resourceID    = awsjson.Rule{Member: "ResourceId", Required: true}
	resourceType  = awsjson.Rule{Member: "ResourceType", Required: true, Enum: []string{"Document", "ManagedInstance", "MaintenanceWindow", "Parameter", "PatchBaseline", "OpsItem", "OpsMetadata", "Automation", "Association"}}
	names         = awsjson.Rule{Member: "Names", Required: true, Length: awsjson.Between(1, 10)}
	labels        = awsjson.Rule{Member: "Labels", Required: true, Length: awsjson.Between(1, 10)}
	label         = awsjson.Rule{Member: "Labels[]", Length: awsjson.Between(1, 100)}
	tagKey        = awsjson.Rule{Member: "Tags[].Key", Required: true, Length: awsjson.Between(1, 128), Pattern: `^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`}
	tagValue      = awsjson.Rule{Member: "Tags[].Value", Required: true, Length: awsjson.Between(0, 256), Pattern: `^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`}
	filterKey     = awsjson.Rule{Member: "ParameterFilters[].Key", Required: true, Length: awsjson.Between(1, 132), Pattern: `tag:.+|Name|Type|KeyId|Path|Label|Tier|DataType`}
	filterOption  = awsjson.Rule{Member: "ParameterFilters[].Option", Length: awsjson.Between(1, 10)}
	filterValues  = awsjson.Rule{Member: "ParameterFilters[].Values", Length: awsjson.Between(1, 50)}
	filterValue   = awsjson.Rule{Member: "ParameterFilters[].Values[]", Length: awsjson.Between(1, 1024)}
	upToFifty     = awsjson.Rule{Member: "MaxResults", Value: awsjson.Between(1, 50)}
	tiers         = []string{"Standard", "Advanced", "Intelligent-Tiering"}
	typesOfValues = []string{"String", "StringList", "SecureString"}
)

// rules is what the service model of Systems Manager asks of each request.
var rules = map[string][]awsjson.Rule{
	"AddTagsToResource":       {resourceType, resourceID, {Member: "Tags", Required: true, Length: awsjson.AtMost(1000)}, tagKey, tagValue},
	"DeleteParameter":         {name},
	"DeleteParameters":        {names},
	"DescribeParameters":      {{Member: "Filters[].Key", Required: true, Enum: []string{"Name", "Type", "KeyId"}}, {Member: "Filters[].Values", Required: true, Length: awsjson.Between(1, 50)}, filterKey, filterOption, filterValues, filterValue, upToFifty},
	"GetParameter":            {name},
	"GetParameterHistory":     {name, upToFifty},
	"GetParameters":           {names},
	"GetParametersByPath":     {{Member: "Path", Required: true, Length: awsjson.Between(1, 2048)}, filterKey, filterOption, filterValues, filterValue, {Member: "MaxResults", Value: awsjson.Between(1, 10)}},
	"LabelParameterVersion":   {name, labels, label},
	"ListTagsForResource":     {resourceType, resourceID},
	"PutParameter":            {name, {Member: "Description", Length: awsjson.AtMost(1024)}, {Member: "Value", Required: true, Sensitive: true}, {Member: "Type", Enum: typesOfValues}, {Member: "KeyId", Length: awsjson.Between(1, 256), Pattern: `^([a-zA-Z0-9:/_-]+)$`}, {Member: "AllowedPattern", Length: awsjson.AtMost(1024)}, {Member: "Tags", Length: awsjson.AtMost(1000)}, tagKey, tagValue, {Member: "Tier", Enum: tiers}, {Member: "Policies", Length: awsjson.Between(1, 4096)}, {Member: "DataType", Length: awsjson.AtMost(128)}},
	"RemoveTagsFromResource":  {resourceType, resourceID, {Member: "TagKeys", Required: true}},
	"UnlabelParameterVersion": {name, {Member: "ParameterVersion", Required: true}, labels, label},
}
