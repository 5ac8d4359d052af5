// Package journal keeps what functions wrote to their logs, and counts what they
// did. Logs are in memory: the newest lines of each function, until the server
// stops. docs/ops.md names the figures.
package journal

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/policy"
)

const (
	// maxLogBytes bounds the text that is kept of one function's log.
	maxLogBytes = 256 << 10
	// maxFunctions bounds the functions with a log and figures of their own.
	// Those that come later share the label otherLabel, and the log that was
	// written to longest ago gives way.
	maxFunctions = 1000
	otherLabel   = "other"
)

// Line is one line of a log. What the service itself says has the level REPORT.
type Line struct {
	At        time.Time `json:"at"`
	RequestID string    `json:"requestId"`
	Version   string    `json:"version,omitempty"`
	Level     string    `json:"level"`
	Text      string    `json:"text"`
}

// Journal is a function.Observer. It may be used concurrently.
type Journal struct {
	clock *clock.Clock

	invocations *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	memory      *prometheus.GaugeVec

	mu sync.Mutex
	// logs are by the function's ARN without a version, measured the functions
	// that have a label; both guarded by mu.
	logs     map[string]*log
	measured map[string]bool
}

type log struct {
	lines []Line
	bytes int
	last  time.Time
}

var _ function.Observer = (*Journal)(nil)

// New returns an empty journal, whose figures are in the registry.
func New(clock *clock.Clock, into prometheus.Registerer) *Journal {
	j := &Journal{
		clock: clock, logs: make(map[string]*log), measured: make(map[string]bool),
		invocations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyfront_function_invocations_total",
			Help: "Invocations of functions that began, by outcome: ok, error, timeout, memory or crash.",
		}, []string{"function", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "keyfront_function_seconds", Help: "Time that invocations of functions took.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .5, 1, 5, 30},
		}, []string{"function"}),
		memory: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "keyfront_function_memory_bytes", Help: "Memory of the worker after the function's last invocation.",
		}, []string{"function"}),
	}
	into.MustRegister(j.invocations, j.seconds, j.memory)
	return j
}

// Invoked keeps the log of an invocation and counts it.
func (j *Journal) Invoked(s *function.Spec, requestID string, result *function.Result, err error) {
	if result == nil {
		return // it never began
	}
	arn := s.Name
	if s.Version != "" {
		arn = strings.TrimSuffix(arn, ":"+s.Version)
	}
	now := j.clock.Now()
	lines := make([]Line, 0, len(result.Log)+2)
	for _, l := range result.Log {
		lines = append(lines, Line{l.At, requestID, s.Version, l.Level, l.Text})
	}
	if err != nil {
		lines = append(lines, Line{now, requestID, s.Version, "ERROR", err.Error()})
	}
	lines = append(lines, Line{now, requestID, s.Version, "REPORT", "took " + result.Duration.Round(time.Microsecond).String()})

	label := j.keep(arn, now, lines)
	j.invocations.WithLabelValues(label, outcome(err)).Inc()
	j.seconds.WithLabelValues(label).Observe(result.Duration.Seconds())
	if result.MemoryBytes > 0 {
		j.memory.WithLabelValues(label).Set(float64(result.MemoryBytes))
	}
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, function.ErrTimeout):
		return "timeout"
	case errors.Is(err, function.ErrMemory):
		return "memory"
	case errors.Is(err, function.ErrCrashed):
		return "crash"
	}
	return "error"
}

// keep adds lines to a log, and returns the function's label.
func (j *Journal) keep(arn string, now time.Time, lines []Line) (label string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	l := j.logs[arn]
	if l == nil {
		if len(j.logs) == maxFunctions {
			j.forgetOldestLocked()
		}
		l = new(log)
		j.logs[arn] = l
	}
	l.last = now
	for _, line := range lines {
		l.lines = append(l.lines, line)
		l.bytes += len(line.Text)
	}
	drop := 0
	for ; l.bytes > maxLogBytes && drop < len(l.lines)-1; drop++ {
		l.bytes -= len(l.lines[drop].Text)
	}
	// Lines without text have a weight too.
	drop = max(drop, len(l.lines)-maxLogBytes/16)
	if drop > 0 {
		l.lines = append([]Line(nil), l.lines[drop:]...)
	}
	if !j.measured[arn] {
		if len(j.measured) == maxFunctions {
			return otherLabel
		}
		j.measured[arn] = true
	}
	return arn
}

func (j *Journal) forgetOldestLocked() {
	oldest := ""
	for arn, l := range j.logs {
		if oldest == "" || l.last.Before(j.logs[oldest].last) {
			oldest = arn
		}
	}
	delete(j.logs, oldest)
}

// Reader reads logs for callers, whom a gate admits.
type Reader struct {
	Journal *Journal
	Gate    *access.Gate
}

// Read returns the newest lines, at most limit of them, of the function that ref
// names, the oldest first: an ARN without a version, or the name of a Lambda
// function of the caller's account and region, or else of a CloudFront function.
// A function that did not run has none. The caller needs
// keyfront:ReadFunctionLogs on the function.
func (r Reader) Read(ctx context.Context, who access.Caller, ref string, limit int) (_ []Line, err error) {
	call := r.Gate.Begin(who, "keyfront:ReadFunctionLogs")
	defer call.End(ctx, &err)
	call.Note("function", ref)
	refs := []string{ref}
	if !strings.HasPrefix(ref, "arn:") {
		refs = []string{
			"arn:aws:lambda:" + who.Region + ":" + string(who.Account()) + ":function:" + ref,
			"arn:aws:cloudfront::" + string(who.Account()) + ":function/" + ref,
		}
	}
	for _, arn := range refs {
		if !strings.Contains(arn, ":"+string(who.Account())+":") {
			return nil, &access.Denied{Message: "Logs of other accounts cannot be read."}
		}
		if err := call.Decide(access.Target{ARN: arn, Rule: policy.IdentityOnly}); err != nil {
			return nil, err
		}
		if lines := r.Journal.lines(arn, limit); len(lines) > 0 {
			return lines, nil
		}
	}
	return nil, nil
}

func (j *Journal) lines(arn string, limit int) []Line {
	j.mu.Lock()
	defer j.mu.Unlock()
	l := j.logs[arn]
	if l == nil {
		return nil
	}
	return append([]Line(nil), l.lines[max(0, len(l.lines)-limit):]...)
}
