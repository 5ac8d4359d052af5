package cloudfront

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

// blob is bytes in base64.
type blob struct{}

func (blob) fresh() []byte { return nil }

func (blob) read(e *element, into *[]byte) error {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(e.text()), ""))
	if err != nil || len(e.children) > 0 {
		return &restxml.DecodeError{Problem: restxml.Value, Path: e.path()}
	}
	*into = b
	return nil
}

func (blob) write(w *writer, v *[]byte) { w.WriteString(base64.StdEncoding.EncodeToString(*v)) }

var storeAssociation = of(value("KeyValueStoreARN", required, text{}, func(s *string) *string { return s }))

var functionConfig = of(
	value("Comment", optional, text{}, func(c *delivery.FunctionConfig) *string { return &c.Comment }),
	value("Runtime", required, text{}, func(c *delivery.FunctionConfig) *string { return &c.Runtime }),
	sparseList("KeyValueStoreAssociations", "KeyValueStoreAssociation", storeAssociation, func(c *delivery.FunctionConfig) *[]string { return &c.Stores }),
)

// functionRequest is what CreateFunction and UpdateFunction are asked with.
type functionRequest struct {
	name   string
	config delivery.FunctionConfig
	code   []byte
	tags   tagList
}

var functionUpdate = of(
	nested("FunctionConfig", required, functionConfig, func(r *functionRequest) *delivery.FunctionConfig { return &r.config }),
	nested("FunctionCode", required, blob{}, func(r *functionRequest) *[]byte { return &r.code }),
)

var functionCreate = of(append(functionUpdate.members,
	value("Name", required, text{}, func(r *functionRequest) *string { return &r.name }),
	nested("Tags", optional, tags, func(r *functionRequest) *tagList { return &r.tags }))...)

var functionSummary = of(
	show("Name", func(f *delivery.FunctionSummary) string { return f.Name }),
	show("Status", func(f *delivery.FunctionSummary) string { return f.Status }),
	nested("FunctionConfig", optional, functionConfig, func(f *delivery.FunctionSummary) *delivery.FunctionConfig { return &f.Config }),
	group("FunctionMetadata", optional, nil,
		show("FunctionARN", func(f *delivery.FunctionSummary) string { return f.ARN }),
		show("Stage", func(f *delivery.FunctionSummary) string { return string(f.Stage) }),
		show("CreatedTime", func(f *delivery.FunctionSummary) string { return timestamp(f.CreatedAt) }),
		show("LastModifiedTime", func(f *delivery.FunctionSummary) string { return timestamp(f.ModifiedAt) }),
	),
)

type testRequest struct {
	stage string
	event []byte
}

var testFunction = of(
	value("Stage", optional, text{}, func(r *testRequest) *string { return &r.stage }),
	nested("EventObject", required, blob{}, func(r *testRequest) *[]byte { return &r.event }),
)

var testResult = of(
	nested("FunctionSummary", optional, functionSummary, func(t *delivery.FunctionTest) *delivery.FunctionSummary { return t.Summary }),
	show("ComputeUtilization", func(t *delivery.FunctionTest) string { return strconv.Itoa(t.Utilization) }),
	group("FunctionExecutionLogs", optional, nil, elements("member", text{}, func(t *delivery.FunctionTest) *[]string { return &t.Log })),
	show("FunctionErrorMessage", func(t *delivery.FunctionTest) string { return t.Failure }),
	show("FunctionOutput", func(t *delivery.FunctionTest) string { return t.Output }),
)

// stageOf reads the name of a stage; empty is the stage of development.
func stageOf(s string) (delivery.Stage, error) {
	switch stage := delivery.Stage(s); stage {
	case "":
		return delivery.Development, nil
	case delivery.Development, delivery.Live:
		return stage, nil
	}
	return "", refusal.New(delivery.ErrInvalid, "The parameter Stage must be DEVELOPMENT or LIVE.")
}

func (c *call) stage() (delivery.Stage, error) { return stageOf(c.URL.Query().Get("Stage")) }

func (d *Door) createFunction(c *call) (*answer, error) {
	in, err := body(c, "CreateFunctionRequest", functionCreate)
	if err != nil {
		return nil, err
	}
	set, err := in.tags.set()
	if err != nil {
		return nil, err
	}
	f, err := d.service.CreateFunction(c.Context(), c.Caller, in.name, in.config, in.code, set)
	if err != nil {
		return nil, err
	}
	return made("FunctionSummary", functionSummary, f, f.Name, f.ETag), nil
}

func (d *Door) updateFunction(c *call) (*answer, error) {
	in, err := body(c, "UpdateFunctionRequest", functionUpdate)
	if err != nil {
		return nil, err
	}
	f, err := d.service.UpdateFunction(c.Context(), c.Caller, c.ids[0], c.ifMatch(), in.config, in.code)
	if err != nil {
		return nil, err
	}
	a := found("FunctionSummary", functionSummary, f, f.ETag)
	a.header = map[string]string{"Ettag": f.ETag} // as the service model spells it
	return a, nil
}

func (d *Door) publishFunction(c *call) (*answer, error) {
	f, err := d.service.PublishFunction(c.Context(), c.Caller, c.ids[0], c.ifMatch())
	if err != nil {
		return nil, err
	}
	return found("FunctionSummary", functionSummary, f, ""), nil
}

func (d *Door) describeFunction(c *call) (*answer, error) {
	stage, err := c.stage()
	if err != nil {
		return nil, err
	}
	f, err := d.service.DescribeFunction(c.Context(), c.Caller, c.ids[0], stage)
	if err != nil {
		return nil, err
	}
	return found("FunctionSummary", functionSummary, f, f.ETag), nil
}

func (d *Door) getFunction(c *call) (*answer, error) {
	stage, err := c.stage()
	if err != nil {
		return nil, err
	}
	f, err := d.service.GetFunction(c.Context(), c.Caller, c.ids[0], stage)
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, etag: f.ETag, body: f.Code, header: map[string]string{"Content-Type": "application/octet-stream"}}, nil
}

func (d *Door) listFunctions(c *call) (*answer, error) {
	p, err := c.page()
	if err != nil {
		return nil, err
	}
	stage, err := c.stage()
	if err != nil {
		return nil, err
	}
	l, err := d.service.ListFunctions(c.Context(), c.Caller, stage, p)
	if err != nil {
		return nil, err
	}
	return found("FunctionList", unmarked("FunctionSummary", functionSummary), pageOf(l, each[delivery.FunctionSummary]), ""), nil
}

func (d *Door) deleteFunction(c *call) (*answer, error) {
	return &answer{}, d.service.DeleteFunction(c.Context(), c.Caller, c.ids[0], c.ifMatch())
}

func (d *Door) testFunction(c *call) (*answer, error) {
	in, err := body(c, "TestFunctionRequest", testFunction)
	if err != nil {
		return nil, err
	}
	stage, err := stageOf(in.stage)
	if err != nil {
		return nil, err
	}
	t, err := d.service.TestFunction(c.Context(), c.Caller, c.ids[0], c.ifMatch(), stage, in.event)
	if err != nil {
		return nil, err
	}
	return found("TestResult", testResult, t, ""), nil
}
