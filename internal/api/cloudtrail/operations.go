package cloudtrail

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/trail"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

type door struct{ trails *trail.Service }

// named is what most operations ask: which trail.
var named = []awsjson.Rule{{Member: "Name", Required: true}}

func (d door) operations() map[string]jsondoor.Operation {
	return map[string]jsondoor.Operation{
		"AddTags":             jsondoor.Answers([]awsjson.Rule{{Member: "ResourceId", Required: true}, {Member: "TagsList", Required: true}, {Member: "TagsList[].Key", Required: true}}, d.addTags),
		"CreateTrail":         jsondoor.Answers([]awsjson.Rule{{Member: "Name", Required: true}, {Member: "S3BucketName", Required: true}, {Member: "TagsList[].Key", Required: true}}, d.createTrail),
		"DeleteTrail":         jsondoor.Answers(named, d.deleteTrail),
		"DescribeTrails":      jsondoor.Answers(nil, d.describeTrails),
		"GetEventSelectors":   jsondoor.Answers([]awsjson.Rule{{Member: "TrailName", Required: true}}, d.getEventSelectors),
		"GetInsightSelectors": jsondoor.Answers(nil, d.getInsightSelectors),
		"GetTrail":            jsondoor.Answers(named, d.getTrail),
		"GetTrailStatus":      jsondoor.Answers(named, d.getTrailStatus),
		"ListPublicKeys":      jsondoor.Answers(nil, d.listPublicKeys),
		"ListTags":            jsondoor.Answers([]awsjson.Rule{{Member: "ResourceIdList", Required: true, Length: awsjson.Between(1, 20)}}, d.listTags),
		"ListTrails":          jsondoor.Answers(nil, d.listTrails),
		"PutEventSelectors":   jsondoor.Answers([]awsjson.Rule{{Member: "TrailName", Required: true}}, d.putEventSelectors),
		"RemoveTags":          jsondoor.Answers([]awsjson.Rule{{Member: "ResourceId", Required: true}, {Member: "TagsList", Required: true}, {Member: "TagsList[].Key", Required: true}}, d.removeTags),
		"StartLogging":        jsondoor.Answers(named, d.startLogging),
		"StopLogging":         jsondoor.Answers(named, d.stopLogging),
		"UpdateTrail":         jsondoor.Answers(named, d.updateTrail),
		"LookupEvents": jsondoor.Answers([]awsjson.Rule{
			{Member: "LookupAttributes[].AttributeKey", Required: true},
			{Member: "LookupAttributes[].AttributeValue", Required: true, Length: awsjson.Between(1, 2000)},
		}, d.lookupEvents),

		"CancelQuery":                          lacks("CancelQuery"),
		"CreateChannel":                        lacks("CreateChannel"),
		"CreateDashboard":                      lacks("CreateDashboard"),
		"CreateEventDataStore":                 lacks("CreateEventDataStore"),
		"DeleteChannel":                        lacks("DeleteChannel"),
		"DeleteDashboard":                      lacks("DeleteDashboard"),
		"DeleteEventDataStore":                 lacks("DeleteEventDataStore"),
		"DeleteResourcePolicy":                 lacks("DeleteResourcePolicy"),
		"DeregisterOrganizationDelegatedAdmin": lacks("DeregisterOrganizationDelegatedAdmin"),
		"DescribeQuery":                        lacks("DescribeQuery"),
		"DisableFederation":                    lacks("DisableFederation"),
		"EnableFederation":                     lacks("EnableFederation"),
		"GenerateQuery":                        lacks("GenerateQuery"),
		"GetChannel":                           lacks("GetChannel"),
		"GetDashboard":                         lacks("GetDashboard"),
		"GetEventConfiguration":                lacks("GetEventConfiguration"),
		"GetEventDataStore":                    lacks("GetEventDataStore"),
		"GetImport":                            lacks("GetImport"),
		"GetQueryResults":                      lacks("GetQueryResults"),
		"GetResourcePolicy":                    lacks("GetResourcePolicy"),
		"ListChannels":                         lacks("ListChannels"),
		"ListDashboards":                       lacks("ListDashboards"),
		"ListEventDataStores":                  lacks("ListEventDataStores"),
		"ListImportFailures":                   lacks("ListImportFailures"),
		"ListImports":                          lacks("ListImports"),
		"ListInsightsData":                     lacks("ListInsightsData"),
		"ListInsightsMetricData":               lacks("ListInsightsMetricData"),
		"ListQueries":                          lacks("ListQueries"),
		"PutEventConfiguration":                lacks("PutEventConfiguration"),
		"PutInsightSelectors":                  lacks("PutInsightSelectors"),
		"PutResourcePolicy":                    lacks("PutResourcePolicy"),
		"RegisterOrganizationDelegatedAdmin":   lacks("RegisterOrganizationDelegatedAdmin"),
		"RestoreEventDataStore":                lacks("RestoreEventDataStore"),
		"SearchSampleQueries":                  lacks("SearchSampleQueries"),
		"StartDashboardRefresh":                lacks("StartDashboardRefresh"),
		"StartEventDataStoreIngestion":         lacks("StartEventDataStoreIngestion"),
		"StartImport":                          lacks("StartImport"),
		"StartQuery":                           lacks("StartQuery"),
		"StopEventDataStoreIngestion":          lacks("StopEventDataStoreIngestion"),
		"StopImport":                           lacks("StopImport"),
		"UpdateChannel":                        lacks("UpdateChannel"),
		"UpdateDashboard":                      lacks("UpdateDashboard"),
		"UpdateEventDataStore":                 lacks("UpdateEventDataStore"),
	}
}

// lacks makes an operation that Keyfront does not have.
func lacks(name string) jsondoor.Operation {
	return func(context.Context, access.Caller, []byte, []byte) ([]byte, error) {
		return nil, refusal.New(trail.ErrUnsupported, "The operation %s is not supported.", name)
	}
}
