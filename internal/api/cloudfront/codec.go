package cloudfront

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

// codec reads and writes the content of an element that stands for a V.
type codec[V any] interface {
	// read changes into, which holds the defaults, to what e says.
	read(e *element, into *V) error
	write(w *writer, v *V)
	// fresh is a V with its defaults.
	fresh() V
}

// member is a row of a shape: one element, or a few that belong together.
type member[T any] struct {
	// read takes its elements from e; absent ones leave into as it is.
	read func(e *element, into *T) error
	// write writes whole elements.
	write func(w *writer, v *T)
}

// shape is the codec of a structure: its members in the order in which AWS
// writes them. They are read in any order.
type shape[T any] struct {
	defaults func() T // nil: the zero value
	members  []member[T]
}

func (s *shape[T]) fresh() T {
	if s.defaults != nil {
		return s.defaults()
	}
	var zero T
	return zero
}

func (s *shape[T]) read(e *element, into *T) error {
	if !e.blank() {
		return &restxml.DecodeError{Problem: restxml.Value, Path: e.path()}
	}
	for i := range s.members {
		if err := s.members[i].read(e, into); err != nil {
			return err
		}
	}
	return e.finish()
}

func (s *shape[T]) write(w *writer, v *T) {
	for i := range s.members {
		s.members[i].write(w, v)
	}
}

// of makes a shape without defaults.
func of[T any](members ...member[T]) *shape[T] { return &shape[T]{members: members} }

// decode reads the document called root.
func decode[T any](s *shape[T], root string, body []byte) (T, error) {
	v := s.fresh()
	e, err := parse(body, root)
	if err == nil {
		err = s.read(e, &v)
	}
	return v, err
}

// option changes how a row behaves.
type option uint8

const (
	optional option = iota // may be absent, is always written
	required               // must be there
	sparse                 // may be absent, is not written when it has its zero value
)

// trimRoot takes the document's name off a path.
func trimRoot(path string) string {
	if _, rest, ok := strings.Cut(path, "."); ok {
		return rest
	}
	return path
}

// value is the row of the element called name, for the part of T that at names.
func value[T any, V comparable](name string, o option, c codec[V], at func(*T) *V) member[T] {
	var zero V
	return member[T]{
		read: func(e *element, into *T) error { return readInto(e, name, o, c, at(into)) },
		write: func(w *writer, v *T) {
			if p := at(v); o != sparse || *p != zero {
				w.open(name)
				c.write(w, p)
				w.close(name)
			}
		},
	}
}

// nested is value for structures, which are always written.
func nested[T, V any](name string, o option, c codec[V], at func(*T) *V) member[T] {
	return member[T]{
		read: func(e *element, into *T) error { return readInto(e, name, o, c, at(into)) },
		write: func(w *writer, v *T) {
			w.open(name)
			c.write(w, at(v))
			w.close(name)
		},
	}
}

func readInto[V any](e *element, name string, o option, c codec[V], into *V) error {
	child, err := e.take(name)
	switch {
	case err != nil:
		return err
	case child != nil:
		return c.read(child, into)
	case o == required:
		return refusal.New(errMissing, "The parameter %s is required.", trimRoot(e.path()+"."+name))
	default:
		return nil
	}
}

// pointer is the row of an element whose absence means nil.
func pointer[T, V any](name string, c codec[V], at func(*T) **V) member[T] {
	return member[T]{
		read: func(e *element, into *T) error {
			child, err := e.take(name)
			if err != nil || child == nil {
				return err
			}
			v := c.fresh()
			*at(into) = &v
			return c.read(child, &v)
		},
		write: func(w *writer, v *T) {
			if p := *at(v); p != nil {
				w.open(name)
				c.write(w, p)
				w.close(name)
			}
		},
	}
}

// group is an element that has no value of its own in T: its members are T's.
// when says whether the element is written; nil is always.
func group[T any](name string, o option, when func(*T) bool, members ...member[T]) member[T] {
	inner := of(members...)
	return member[T]{
		read: func(e *element, into *T) error { return readInto[T](e, name, o, inner, into) },
		write: func(w *writer, v *T) {
			if when == nil || when(v) {
				w.open(name)
				inner.write(w, v)
				w.close(name)
			}
		},
	}
}

// items is Quantity together with Items: a list of elements called name.
func items[T, V any](name string, c codec[V], at func(*T) *[]V) member[T] {
	return member[T]{
		read: func(e *element, into *T) error {
			said := 0
			if err := readInto[int](e, "Quantity", required, number{}, &said); err != nil {
				return err
			}
			list, err := readItems(e, name, c)
			if err != nil {
				return err
			}
			if said != len(list) {
				return refusal.New(errQuantity, "The value of Quantity (%d) doesn't match the number of Items (%d) in %s.", said, len(list), trimRoot(e.path()))
			}
			*at(into) = list
			return nil
		},
		write: func(w *writer, v *T) {
			list := *at(v)
			w.open("Quantity")
			w.WriteString(strconv.Itoa(len(list)))
			w.close("Quantity")
			writeItems(w, name, c, list)
		},
	}
}

// shownItems is items that are written even when there are none, as the service model
// requires of some.
func shownItems[T, V any](name string, c codec[V], at func(*T) *[]V) member[T] {
	m := items(name, c, at)
	filled := m.write
	m.write = func(w *writer, v *T) {
		filled(w, v)
		if len(*at(v)) == 0 {
			w.open("Items")
			w.close("Items")
		}
	}
	return m
}

// uncounted is Items without Quantity.
func uncounted[T, V any](name string, c codec[V], at func(*T) *[]V) member[T] {
	return member[T]{
		read: func(e *element, into *T) (err error) {
			*at(into), err = readItems(e, name, c)
			return err
		},
		write: func(w *writer, v *T) { writeItems(w, name, c, *at(v)) },
	}
}

// elements is a list whose elements stand directly in their parent.
func elements[T, V any](name string, c codec[V], at func(*T) *[]V) member[T] {
	return member[T]{
		read: func(e *element, into *T) (err error) {
			e.taken = map[string]bool{name: true}
			*at(into), err = readAll(e, name, c)
			return err
		},
		write: func(w *writer, v *T) { writeAll(w, name, c, *at(v)) },
	}
}

// resetting reads every element from zero instead of from the defaults.
func resetting[T any](s *shape[T]) codec[T] { return reset[T]{s} }

type reset[T any] struct{ *shape[T] }

func (r reset[T]) read(e *element, into *T) error {
	*into = r.fresh()
	return r.shape.read(e, into)
}

func readItems[V any](e *element, name string, c codec[V]) ([]V, error) {
	holder, err := e.take("Items")
	if err != nil || holder == nil {
		return nil, err
	}
	return readAll(holder, name, c)
}

// readAll reads the children of holder, all of which must be called name.
func readAll[V any](holder *element, name string, c codec[V]) ([]V, error) {
	if !holder.blank() {
		return nil, &restxml.DecodeError{Problem: restxml.Value, Path: holder.path()}
	}
	var list []V
	for _, child := range holder.children {
		if child.name != name {
			return nil, &restxml.DecodeError{Problem: restxml.Unknown, Path: child.path()}
		}
		v := c.fresh()
		if err := c.read(child, &v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func writeItems[V any](w *writer, name string, c codec[V], list []V) {
	if len(list) == 0 {
		return
	}
	w.open("Items")
	writeAll(w, name, c, list)
	w.close("Items")
}

func writeAll[V any](w *writer, name string, c codec[V], list []V) {
	for i := range list {
		w.open(name)
		c.write(w, &list[i])
		w.close(name)
	}
}

// list is an element that holds nothing but Quantity and Items.
func list[T, V any](name, item string, c codec[V], at func(*T) *[]V) member[T] {
	return group(name, optional, nil, items(item, c, at))
}

// sparseList is list, but not written when empty.
func sparseList[T, V any](name, item string, c codec[V], at func(*T) *[]V) member[T] {
	return group(name, optional, func(v *T) bool { return len(*at(v)) > 0 }, items(item, c, at))
}

// show is a row of an answer; it is never read.
func show[T any](name string, of func(*T) string) member[T] {
	return member[T]{
		read: func(*element, *T) error { return nil },
		write: func(w *writer, v *T) {
			w.open(name)
			w.escape(of(v))
			w.close(name)
		},
	}
}

// text is a string as it stands.
type text struct{}

func (text) fresh() string { return "" }

func (text) read(e *element, into *string) error {
	if len(e.children) > 0 {
		return &restxml.DecodeError{Problem: restxml.Value, Path: e.path()}
	}
	*into = e.text()
	return nil
}

func (text) write(w *writer, v *string) { w.escape(*v) }

// flag is true or false.
type flag struct{}

func (flag) fresh() bool { return false }

func (flag) read(e *element, into *bool) error {
	switch s := strings.TrimSpace(e.text()); {
	case len(e.children) > 0 || !slices.Contains([]string{"true", "false"}, s):
		return &restxml.DecodeError{Problem: restxml.Value, Path: e.path()}
	default:
		*into = s == "true"
		return nil
	}
}

func (flag) write(w *writer, v *bool) { w.WriteString(strconv.FormatBool(*v)) }

// number is a decimal int, long an int64.
type (
	number struct{}
	long   struct{}
)

func (number) fresh() int { return 0 }
func (long) fresh() int64 { return 0 }

func (number) read(e *element, into *int) error {
	var n int64
	if err := (long{}).read(e, &n); err != nil {
		return err
	}
	if int64(int32(n)) != n {
		return &restxml.DecodeError{Problem: restxml.Value, Path: e.path()}
	}
	*into = int(n)
	return nil
}

func (long) read(e *element, into *int64) error {
	n, err := strconv.ParseInt(strings.TrimSpace(e.text()), 10, 64)
	if err != nil || len(e.children) > 0 {
		return &restxml.DecodeError{Problem: restxml.Value, Path: e.path()}
	}
	*into = n
	return nil
}

func (number) write(w *writer, v *int) { w.WriteString(strconv.Itoa(*v)) }
func (long) write(w *writer, v *int64) { w.WriteString(strconv.FormatInt(*v, 10)) }

// fraction is a decimal number, perhaps with a fraction.
type fraction struct{}

func (fraction) fresh() float64 { return 0 }

func (fraction) read(e *element, into *float64) error {
	n, err := strconv.ParseFloat(strings.TrimSpace(e.text()), 64)
	if err != nil || len(e.children) > 0 || math.IsNaN(n) || math.IsInf(n, 0) {
		return &restxml.DecodeError{Problem: restxml.Value, Path: e.path()}
	}
	*into = n
	return nil
}

func (fraction) write(w *writer, v *float64) { w.WriteString(strconv.FormatFloat(*v, 'f', -1, 64)) }

// timestamp is a time as CloudFront writes it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
