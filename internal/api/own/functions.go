package own

import (
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/function/journal"
)

// maxLogLines bounds an answer.
const maxLogLines = 10_000

// FunctionLogsRequest asks for the newest lines of a function's log.
type FunctionLogsRequest struct {
	// Function is a name, or an ARN without a version.
	Function string `json:"function"`
	// Limit is the number of lines, 10,000 at most and where it is 0.
	Limit int `json:"limit,omitempty"`
}

// FunctionLogs are lines, the oldest first.
type FunctionLogs struct {
	Lines []journal.Line `json:"lines"`
}

func (d *Door) functionLogs(r *front.Request) (any, error) {
	var in FunctionLogsRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Function == "" || in.Limit < 0 || in.Limit > maxLogLines {
		return nil, errBody
	}
	if in.Limit == 0 {
		in.Limit = maxLogLines
	}
	lines, err := d.cfg.FunctionLogs.Read(r.Context(), r.Caller, in.Function, in.Limit)
	if err != nil {
		return nil, err
	}
	return FunctionLogs{Lines: lines}, nil
}
