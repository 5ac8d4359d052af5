package lambda

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/keyfront-project/keyfront/internal/lambda"
)

func (d *Door) createFunction(c *call) (*answer, error) {
	in, err := decode[struct {
		settings
		FunctionName, PackageType       string
		Code                            codeSource
		Publish                         bool
		Tags                            map[string]string
		Architectures                   []string
		CodeSigningConfigArn, PublishTo json.RawMessage
	}](c)
	if err != nil {
		return nil, err
	}
	if err := in.refuseLacking(in.FunctionName); err != nil {
		return nil, err
	}
	if err := checkArchitectures(in.Architectures); err != nil {
		return nil, err
	}
	code, err := in.Code.source()
	switch {
	case err != nil:
		return nil, err
	case in.PackageType != "" && in.PackageType != "Zip":
		return nil, unsupportedSetting("PackageType " + in.PackageType)
	case set(in.CodeSigningConfigArn):
		return nil, unsupportedSetting("CodeSigningConfigArn")
	case set(in.PublishTo):
		return nil, unsupportedSetting("PublishTo")
	}
	request := lambda.CreateRequest{
		Name: in.FunctionName, Code: code, Tags: in.Tags, Publish: in.Publish,
		Settings: lambda.Settings{
			Runtime: value(in.Runtime), Role: value(in.Role), Handler: value(in.Handler), Description: value(in.Description),
			TimeoutSec: value(in.Timeout), MemoryMB: value(in.MemorySize),
		},
	}
	if in.EphemeralStorage != nil {
		request.EphemeralMB = value(in.EphemeralStorage.Size)
	}
	if in.Environment != nil {
		request.Env = in.Environment.Variables
	}
	v, err := d.service.Create(c.Context(), c.Caller, request)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusCreated, document: configurationOf(v)}, nil
}

func (d *Door) updateConfiguration(c *call) (*answer, error) {
	in, err := decode[struct {
		settings
		RevisionId string
	}](c)
	if err != nil {
		return nil, err
	}
	if err := in.refuseLacking(c.ids[0]); err != nil {
		return nil, err
	}
	request := lambda.UpdateSettingsRequest{
		Name: c.ids[0], Runtime: in.Runtime, Role: in.Role, Handler: in.Handler, Description: in.Description,
		TimeoutSec: in.Timeout, MemoryMB: in.MemorySize, RevisionID: in.RevisionId,
	}
	if in.EphemeralStorage != nil {
		request.EphemeralMB = in.EphemeralStorage.Size
	}
	if in.Environment != nil {
		if request.Env = in.Environment.Variables; request.Env == nil {
			request.Env = map[string]string{}
		}
	}
	v, err := d.service.UpdateSettings(c.Context(), c.Caller, request)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, document: configurationOf(v)}, nil
}

func (d *Door) updateCode(c *call) (*answer, error) {
	in, err := decode[struct {
		codeSource
		Publish, DryRun bool
		RevisionId      string
		Architectures   []string
		PublishTo       json.RawMessage
	}](c)
	if err != nil {
		return nil, err
	}
	if err := checkArchitectures(in.Architectures); err != nil {
		return nil, err
	}
	if set(in.PublishTo) {
		return nil, unsupportedSetting("PublishTo")
	}
	code, err := in.source()
	if err != nil {
		return nil, err
	}
	v, err := d.service.UpdateCode(c.Context(), c.Caller, lambda.UpdateCodeRequest{
		Name: c.ids[0], Code: code, RevisionID: in.RevisionId, Publish: in.Publish, DryRun: in.DryRun,
	})
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, document: configurationOf(v)}, nil
}

func (d *Door) getFunction(c *call) (*answer, error) {
	v, tags, err := d.service.Get(c.Context(), c.Caller, "GetFunction", c.ids[0], c.qualifier())
	if err != nil {
		return nil, err
	}
	type location struct{ RepositoryType, Location string }
	return &answer{status: http.StatusOK, document: struct {
		Configuration *configuration
		Code          location
		Tags          map[string]string `json:",omitempty"`
	}{configurationOf(v), location{"S3", locationOf(c.Request, v.Ticket)}, tags}}, nil
}

func (d *Door) getConfiguration(c *call) (*answer, error) {
	v, _, err := d.service.Get(c.Context(), c.Caller, "GetFunctionConfiguration", c.ids[0], c.qualifier())
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, document: configurationOf(v)}, nil
}

func (d *Door) listFunctions(c *call) (*answer, error) {
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	every := c.URL.Query().Get("FunctionVersion")
	if every != "" && every != "ALL" {
		return nil, malformed("functionVersion", every, "satisfy enum value set: [ALL]")
	}
	if c.URL.Query().Has("MasterRegion") {
		return nil, unsupportedSetting("MasterRegion")
	}
	list, next, err := d.service.Functions(c.Context(), c.Caller, every != "", page)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, document: functionList{configurationsOf(list), next}}, nil
}

func (d *Door) deleteFunction(c *call) (*answer, error) {
	return &answer{status: http.StatusNoContent}, d.service.Delete(c.Context(), c.Caller, c.ids[0], c.qualifier())
}

func (d *Door) publishVersion(c *call) (*answer, error) {
	in, err := decode[struct {
		CodeSha256, RevisionId string
		Description            *string
		PublishTo              json.RawMessage
	}](c)
	if err != nil {
		return nil, err
	}
	if set(in.PublishTo) {
		return nil, unsupportedSetting("PublishTo")
	}
	v, err := d.service.Publish(c.Context(), c.Caller, lambda.PublishRequest{
		Name: c.ids[0], CodeSHA256: in.CodeSha256, Description: in.Description, RevisionID: in.RevisionId,
	})
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusCreated, document: configurationOf(v)}, nil
}

func (d *Door) listVersions(c *call) (*answer, error) {
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	list, next, err := d.service.Versions(c.Context(), c.Caller, c.ids[0], page)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, document: versionList{configurationsOf(list), next}}, nil
}

func (d *Door) invoke(c *call) (*answer, error) {
	in := lambda.Invocation{Name: c.ids[0], Qualifier: c.qualifier(), Mode: lambda.Wait, Payload: c.Body, ClientContext: c.Header.Get("X-Amz-Client-Context")}
	if mode := c.Header.Get("X-Amz-Invocation-Type"); mode != "" {
		in.Mode = lambda.Mode(mode)
	}
	for _, name := range []string{"X-Amz-Durable-Execution-Name", "X-Amz-Tenant-Id"} {
		if c.Header.Get(name) != "" {
			return nil, unsupportedSetting(name)
		}
	}
	out, err := d.service.Invoke(c.Context(), c.Caller, in)
	if err != nil {
		return nil, err
	}
	a := &answer{status: http.StatusOK, raw: out.Payload, header: map[string]string{}}
	switch in.Mode {
	case lambda.DryRun:
		a.status = http.StatusNoContent
	case lambda.Later:
		a.status = http.StatusAccepted
	default:
		a.header["X-Amz-Executed-Version"] = out.Version
	}
	if out.Failed {
		a.header["X-Amz-Function-Error"] = "Unhandled"
	}
	if c.Header.Get("X-Amz-Log-Type") == "Tail" && in.Mode == lambda.Wait {
		a.header["X-Amz-Log-Result"] = base64.StdEncoding.EncodeToString([]byte(out.Log))
	}
	return a, nil
}

func (d *Door) addPermission(c *call) (*answer, error) {
	in, err := decode[struct {
		StatementId, Action, Principal, SourceArn, SourceAccount string
		EventSourceToken, RevisionId, PrincipalOrgID             string
		FunctionUrlAuthType, InvokedViaFunctionUrl               json.RawMessage
	}](c)
	if err != nil {
		return nil, err
	}
	if set(in.FunctionUrlAuthType) || set(in.InvokedViaFunctionUrl) {
		return nil, unsupportedSetting("FunctionUrlAuthType")
	}
	added, err := d.service.AddPermission(c.Context(), c.Caller, lambda.Permission{
		Name: c.ids[0], Qualifier: c.qualifier(), StatementID: in.StatementId, Action: in.Action, Principal: in.Principal,
		SourceARN: in.SourceArn, SourceAccount: in.SourceAccount, OrgID: in.PrincipalOrgID, EventSourceToken: in.EventSourceToken,
		RevisionID: in.RevisionId,
	})
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusCreated, document: struct{ Statement string }{added}}, nil
}

func (d *Door) getPolicy(c *call) (*answer, error) {
	source, revision, err := d.service.Policy(c.Context(), c.Caller, c.ids[0], c.qualifier())
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, document: struct{ Policy, RevisionId string }{source, revision}}, nil
}

func (d *Door) removePermission(c *call) (*answer, error) {
	return &answer{status: http.StatusNoContent}, d.service.RemovePermission(c.Context(), c.Caller, c.ids[0], c.qualifier(), c.ids[1], c.URL.Query().Get("RevisionId"))
}

// putAlias is CreateAlias and UpdateAlias; name comes with the path or the body.
func (d *Door) putAlias(c *call, name string) (*lambda.Alias, error) {
	in, err := decode[struct {
		Name, RevisionId             string
		FunctionVersion, Description *string
		RoutingConfig                *struct{ AdditionalVersionWeights map[string]float64 }
	}](c)
	if err != nil {
		return nil, err
	}
	if in.RoutingConfig != nil && len(in.RoutingConfig.AdditionalVersionWeights) > 0 {
		return nil, unsupportedSetting("RoutingConfig")
	}
	fresh := name == ""
	if fresh {
		name = in.Name
	}
	return d.service.PutAlias(c.Context(), c.Caller, lambda.AliasChange{
		Function: c.ids[0], Name: name, Version: in.FunctionVersion, Description: in.Description, RevisionID: in.RevisionId, New: fresh,
	})
}

func (d *Door) createAlias(c *call) (*answer, error) {
	a, err := d.putAlias(c, "")
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusCreated, document: aliasOf(a)}, nil
}

func (d *Door) updateAlias(c *call) (*answer, error) {
	a, err := d.putAlias(c, c.ids[1])
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, document: aliasOf(a)}, nil
}

func (d *Door) getAlias(c *call) (*answer, error) {
	a, err := d.service.Alias(c.Context(), c.Caller, c.ids[0], c.ids[1])
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, document: aliasOf(a)}, nil
}

func (d *Door) listAliases(c *call) (*answer, error) {
	page, err := c.page()
	if err != nil {
		return nil, err
	}
	list, next, err := d.service.Aliases(c.Context(), c.Caller, c.ids[0], c.URL.Query().Get("FunctionVersion"), page)
	if err != nil {
		return nil, err
	}
	out := struct {
		Aliases    []*alias
		NextMarker string `json:",omitempty"`
	}{[]*alias{}, next}
	for _, a := range list {
		out.Aliases = append(out.Aliases, aliasOf(a))
	}
	return &answer{status: http.StatusOK, document: out}, nil
}

func (d *Door) deleteAlias(c *call) (*answer, error) {
	return &answer{status: http.StatusNoContent}, d.service.DeleteAlias(c.Context(), c.Caller, c.ids[0], c.ids[1])
}

func (d *Door) listTags(c *call) (*answer, error) {
	tags, err := d.service.Tags(c.Context(), c.Caller, c.ids[0])
	if err != nil {
		return nil, err
	}
	if tags == nil {
		tags = map[string]string{}
	}
	return &answer{status: http.StatusOK, document: struct{ Tags map[string]string }{tags}}, nil
}

func (d *Door) tagResource(c *call) (*answer, error) {
	in, err := decode[struct{ Tags map[string]string }](c)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusNoContent}, d.service.Tag(c.Context(), c.Caller, c.ids[0], in.Tags)
}

func (d *Door) untagResource(c *call) (*answer, error) {
	return &answer{status: http.StatusNoContent}, d.service.Untag(c.Context(), c.Caller, c.ids[0], c.URL.Query()["tagKeys"])
}

// getCodeSigning tells that a function has no code signing configuration, since
// none has.
func (d *Door) getCodeSigning(c *call) (*answer, error) {
	v, _, err := d.service.Get(c.Context(), c.Caller, "GetFunctionCodeSigningConfig", c.ids[0], "")
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, document: struct{ FunctionName string }{v.Name}}, nil
}
