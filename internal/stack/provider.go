package stack

import (
	"context"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
)

// Provider makes, changes and removes the resources of one type. Its methods call
// the service that the resource belongs to as Task.Who; the texts of their errors
// are for that caller, who reads them in the stack's events.
type Provider interface {
	// Create makes a resource. After an error, Made.Physical names what was made
	// nevertheless, or is empty; the stack then removes it.
	//
	// A Create that a crash cut off is repeated with the same Task and Again set.
	// It then returns what the first one made if it did.
	Create(ctx context.Context, t *Task) (Made, error)
	// Update changes the resource Task.Physical from Task.Before to
	// Task.Properties. It may be repeated, and may find either state or any
	// between.
	Update(ctx context.Context, t *Task) (Made, error)
	// Delete removes the resource Task.Physical. That it is not there is no error.
	Delete(ctx context.Context, t *Task) error
	// Replaces lists the properties whose change takes a new resource.
	Replaces() []string
	// Attributes lists what Fn::GetAtt knows of the type.
	Attributes() []string
}

// Task is what a Provider is to do.
type Task struct {
	Who access.Caller
	// Stack and Logical name the resource in its template. StackID is the ARN.
	Stack, StackID, Logical string
	Physical                string
	// Properties are as JSON decodes them with numbers kept as json.Number. Before are
	// those that an Update finds.
	Properties, Before map[string]any
	// Attributes are what Made said of the resource last.
	Attributes map[string]any
	// Tags are the stack's.
	Tags []Tag
	// Token is a UUID that belongs to the making of this one resource.
	Token string
	// Since is when its making began. Whatever of its name was there before is
	// somebody else's.
	Since time.Time
	Again bool
	// Undo is set where an Update takes back one that failed: of Before, what was
	// refused was never made.
	Undo bool
}

// Name is the name of a resource that its template does not name, at most most
// bytes long: the stack's, the resource's and twelve letters of chance.
func (t *Task) Name(most int) string { return t.NameAfter(t.Stack, most) }

// NameAfter is Name with another text in the place of the stack's name.
func (t *Task) NameAfter(first string, most int) string {
	suffix := chance(t.Token)
	name := first + "-" + t.Logical
	if room := most - len(suffix) - 1; len(name) > room {
		name = name[:room]
	}
	return name + "-" + suffix
}

// Made describes a resource.
type Made struct {
	// Physical is its physical id, which Ref returns.
	Physical string
	// Attributes are what Fn::GetAtt returns.
	Attributes map[string]any
}
