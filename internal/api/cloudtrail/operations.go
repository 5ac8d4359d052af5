package cloudtrail

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/trail"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

type door struct{ trails *trail.Service }

func (d door) operations() map[string]jsondoor.Operation {
	return map[string]jsondoor.Operation{
		"LookupEvents": jsondoor.Answers([]awsjson.Rule{
			{Member: "LookupAttributes[].AttributeKey", Required: true},
			{Member: "LookupAttributes[].AttributeValue", Required: true, Length: awsjson.Between(1, 2000)},
		}, d.lookupEvents),

		"AddTags":                              lacks("AddTags"),
		"CancelQuery":                          lacks("CancelQuery"),
		"CreateChannel":                        lacks("CreateChannel"),
		"CreateDashboard":                      lacks("CreateDashboard"),
		"CreateEventDataStore":                 lacks("CreateEventDataStore"),
		"CreateTrail":                          lacks("CreateTrail"),
		"DeleteChannel":                        lacks("DeleteChannel"),
		"DeleteDashboard":                      lacks("DeleteDashboard"),
		"DeleteEventDataStore":                 lacks("DeleteEventDataStore"),
		"DeleteResourcePolicy":                 lacks("DeleteResourcePolicy"),
		"DeleteTrail":                          lacks("DeleteTrail"),
		"DeregisterOrganizationDelegatedAdmin": lacks("DeregisterOrganizationDelegatedAdmin"),
		"DescribeQuery":                        lacks("DescribeQuery"),
		"DescribeTrails":                       lacks("DescribeTrails"),
		"DisableFederation":                    lacks("DisableFederation"),
		"EnableFederation":                     lacks("EnableFederation"),
		"GenerateQuery":                        lacks("GenerateQuery"),
		"GetChannel":                           lacks("GetChannel"),
		"GetDashboard":                         lacks("GetDashboard"),
		"GetEventConfiguration":                lacks("GetEventConfiguration"),
		"GetEventDataStore":                    lacks("GetEventDataStore"),
		"GetEventSelectors":                    lacks("GetEventSelectors"),
		"GetImport":                            lacks("GetImport"),
		"GetInsightSelectors":                  lacks("GetInsightSelectors"),
		"GetQueryResults":                      lacks("GetQueryResults"),
		"GetResourcePolicy":                    lacks("GetResourcePolicy"),
		"GetTrail":                             lacks("GetTrail"),
		"GetTrailStatus":                       lacks("GetTrailStatus"),
		"ListChannels":                         lacks("ListChannels"),
		"ListDashboards":                       lacks("ListDashboards"),
		"ListEventDataStores":                  lacks("ListEventDataStores"),
		"ListImportFailures":                   lacks("ListImportFailures"),
		"ListImports":                          lacks("ListImports"),
		"ListInsightsData":                     lacks("ListInsightsData"),
		"ListInsightsMetricData":               lacks("ListInsightsMetricData"),
		"ListPublicKeys":                       lacks("ListPublicKeys"),
		"ListQueries":                          lacks("ListQueries"),
		"ListTags":                             lacks("ListTags"),
		"ListTrails":                           lacks("ListTrails"),
		"PutEventConfiguration":                lacks("PutEventConfiguration"),
		"PutEventSelectors":                    lacks("PutEventSelectors"),
		"PutInsightSelectors":                  lacks("PutInsightSelectors"),
		"PutResourcePolicy":                    lacks("PutResourcePolicy"),
		"RegisterOrganizationDelegatedAdmin":   lacks("RegisterOrganizationDelegatedAdmin"),
		"RemoveTags":                           lacks("RemoveTags"),
		"RestoreEventDataStore":                lacks("RestoreEventDataStore"),
		"SearchSampleQueries":                  lacks("SearchSampleQueries"),
		"StartDashboardRefresh":                lacks("StartDashboardRefresh"),
		"StartEventDataStoreIngestion":         lacks("StartEventDataStoreIngestion"),
		"StartImport":                          lacks("StartImport"),
		"StartLogging":                         lacks("StartLogging"),
		"StartQuery":                           lacks("StartQuery"),
		"StopEventDataStoreIngestion":          lacks("StopEventDataStoreIngestion"),
		"StopImport":                           lacks("StopImport"),
		"StopLogging":                          lacks("StopLogging"),
		"UpdateChannel":                        lacks("UpdateChannel"),
		"UpdateDashboard":                      lacks("UpdateDashboard"),
		"UpdateEventDataStore":                 lacks("UpdateEventDataStore"),
		"UpdateTrail":                          lacks("UpdateTrail"),
	}
}

// lacks makes an operation that Keyfront does not have.
func lacks(name string) jsondoor.Operation {
	return func(context.Context, access.Caller, []byte, []byte) ([]byte, error) {
		return nil, &trail.Error{Kind: trail.ErrUnsupported, Message: "The operation " + name + " is not supported."}
	}
}
