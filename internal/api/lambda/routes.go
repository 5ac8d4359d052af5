package lambda

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/keyfront-project/keyfront/internal/refusal"
)

// route is one operation: its name, method and path ({…} is one segment).
type route struct {
	operation    string
	method, path string
	handle       func(d *Door, c *call) (*answer, error)
}

const functions = "/2015-03-31/functions"

var routes = []route{
	{"CreateFunction", http.MethodPost, functions, (*Door).createFunction},
	{"ListFunctions", http.MethodGet, functions, (*Door).listFunctions},
	{"GetFunction", http.MethodGet, functions + "/{FunctionName}", (*Door).getFunction},
	{"DeleteFunction", http.MethodDelete, functions + "/{FunctionName}", (*Door).deleteFunction},
	{"GetFunctionConfiguration", http.MethodGet, functions + "/{FunctionName}/configuration", (*Door).getConfiguration},
	{"UpdateFunctionConfiguration", http.MethodPut, functions + "/{FunctionName}/configuration", (*Door).updateConfiguration},
	{"UpdateFunctionCode", http.MethodPut, functions + "/{FunctionName}/code", (*Door).updateCode},
	{"PublishVersion", http.MethodPost, functions + "/{FunctionName}/versions", (*Door).publishVersion},
	{"ListVersionsByFunction", http.MethodGet, functions + "/{FunctionName}/versions", (*Door).listVersions},
	{"Invoke", http.MethodPost, functions + "/{FunctionName}/invocations", (*Door).invoke},

	{"AddPermission", http.MethodPost, functions + "/{FunctionName}/policy", (*Door).addPermission},
	{"GetPolicy", http.MethodGet, functions + "/{FunctionName}/policy", (*Door).getPolicy},
	{"RemovePermission", http.MethodDelete, functions + "/{FunctionName}/policy/{StatementId}", (*Door).removePermission},

	{"CreateAlias", http.MethodPost, functions + "/{FunctionName}/aliases", (*Door).createAlias},
	{"ListAliases", http.MethodGet, functions + "/{FunctionName}/aliases", (*Door).listAliases},
	{"GetAlias", http.MethodGet, functions + "/{FunctionName}/aliases/{Name}", (*Door).getAlias},
	{"UpdateAlias", http.MethodPut, functions + "/{FunctionName}/aliases/{Name}", (*Door).updateAlias},
	{"DeleteAlias", http.MethodDelete, functions + "/{FunctionName}/aliases/{Name}", (*Door).deleteAlias},

	{"ListTags", http.MethodGet, "/2017-03-31/tags/{Resource}", (*Door).listTags},
	{"TagResource", http.MethodPost, "/2017-03-31/tags/{Resource}", (*Door).tagResource},
	{"UntagResource", http.MethodDelete, "/2017-03-31/tags/{Resource}", (*Door).untagResource},

	{"GetFunctionCodeSigningConfig", http.MethodGet, "/2020-06-30/functions/{FunctionName}/code-signing-config", (*Door).getCodeSigning},
}

// match finds the route of a request and the variables in its path.
func match(method string, u *url.URL) (*route, []string, error) {
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	for i := range routes {
		if ids, ok := matchPath(routes[i].path, path); ok && routes[i].method == method {
			return &routes[i], ids, nil
		}
	}
	for _, r := range unsupported {
		pattern, parameter, special := strings.Cut(r.path, "?")
		if _, ok := matchPath(pattern, path); ok && r.method == method && (!special || u.Query().Has(parameter)) {
			return nil, nil, lacks("The operation " + r.operation)
		}
	}
	return nil, nil, lacks(fmt.Sprintf("%s of this path", method))
}

func lacks(what string) error {
	return refusal.New(errUnsupported, "%s is not supported.", what)
}

// matchPath compares path, still escaped, with a pattern, segment by segment.
func matchPath(pattern, path string) (ids []string, ok bool) {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	for i, w := range want {
		if !strings.HasPrefix(w, "{") {
			if w != have[i] {
				return nil, false
			}
			continue
		}
		id, err := url.PathUnescape(have[i])
		if err != nil || id == "" {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}
