package journal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/journal"
	"github.com/keyfront-project/keyfront/internal/policy"
)

type nobody struct{}

func (nobody) PoliciesOf(*policy.Principal, *policy.Policies) {}

func (nobody) Append(context.Context, *audit.Record) error { return nil }

func reader() (journal.Reader, *prometheus.Registry) {
	figures := prometheus.NewRegistry()
	return journal.Reader{
		Journal: journal.New(clock.Movable(), figures),
		Gate:    access.NewGate(access.Config{Identities: nobody{}, Record: nobody{}}),
	}, figures
}

func caller(kind policy.Kind) access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: kind, Account: "111122223333", ARN: "arn:aws:iam::111122223333:x", UserID: "x"},
		Region:    "us-east-1", At: time.Now(),
	}
}

const arn = "arn:aws:lambda:us-east-1:111122223333:function:f"

func TestJournal(t *testing.T) {
	r, figures := reader()
	spec := &function.Spec{Name: arn + ":7", Version: "7"}
	r.Journal.Invoked(spec, "r1", &function.Result{Log: []function.Line{{Level: "INFO", Text: "hello"}}, Duration: time.Millisecond, MemoryBytes: 1 << 20}, nil)
	r.Journal.Invoked(spec, "r2", &function.Result{}, fmt.Errorf("x: %w", function.ErrTimeout))
	r.Journal.Invoked(spec, "r3", nil, function.ErrThrottled)

	lines, err := r.Read(t.Context(), caller(policy.Root), "f", 100)
	if err != nil || len(lines) != 4 {
		t.Fatalf("Read() = %v, %v, want four lines", lines, err)
	}
	if l := lines[0]; l.RequestID != "r1" || l.Version != "7" || l.Level != "INFO" || l.Text != "hello" {
		t.Errorf("line %+v", l)
	}
	if lines, err = r.Read(t.Context(), caller(policy.Root), arn, 1); err != nil || len(lines) != 1 || lines[0].RequestID != "r2" {
		t.Errorf("Read() of the newest = %v, %v", lines, err)
	}
	for who, ref := range map[policy.Kind]string{policy.User: "f", policy.Root: strings.Replace(arn, "1111", "4444", 1)} {
		if _, err := r.Read(t.Context(), caller(who), ref, 1); !errors.Is(err, access.ErrDenied) {
			t.Errorf("Read(%s) = %v, want ErrDenied", ref, err)
		}
	}
	families, err := figures.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "keyfront_function_invocations_total" {
				got[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if want := map[string]float64{arn + " ok": 1, arn + " timeout": 1}; !maps.Equal(got, want) {
		t.Errorf("invocations %v, want %v", got, want)
	}
}

// However much functions write, and however many there are, memory is bounded.
func TestBounds(t *testing.T) {
	r, _ := reader()
	text := strings.Repeat("x", 1<<10)
	for range 1000 {
		r.Journal.Invoked(&function.Spec{Name: arn}, "r", &function.Result{Log: []function.Line{{Text: text}}}, nil)
	}
	lines, err := r.Read(t.Context(), caller(policy.Root), arn, 10_000)
	if err != nil || len(lines) < 100 || len(lines) > 600 {
		t.Errorf("%d lines kept, %v", len(lines), err)
	}
	for i := range 1100 {
		r.Journal.Invoked(&function.Spec{Name: fmt.Sprint(arn, i)}, "r", &function.Result{}, nil)
	}
	if lines, err := r.Read(t.Context(), caller(policy.Root), fmt.Sprint(arn, 1099), 10); err != nil || len(lines) != 1 {
		t.Errorf("the newest log has %d lines, %v", len(lines), err)
	}
}
