package keyvalue

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/keyvalue"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

// The shapes of the service. Members that may be empty are pointers, since an
// empty text is sent too.
type (
	errorBody struct{ Message string }

	description struct {
		ItemCount        int
		TotalSizeInBytes int64
		KvsARN           string
		Created          time.Time
		LastModified     *time.Time
		Status           string
	}
	pair      struct{ Key, Value *string }
	pairFound struct {
		Key, Value       *string
		ItemCount        int
		TotalSizeInBytes int64
	}
	totals struct {
		ItemCount        int
		TotalSizeInBytes int64
	}
	page struct {
		NextToken string
		Items     []pair
	}
	putRequest    struct{ Value *string }
	updateRequest struct {
		Puts    []pair
		Deletes []struct{ Key *string }
	}
)

var (
	errorShape       = awsjson.Of[errorBody]()
	descriptionShape = awsjson.Of[description]()
	foundShape       = awsjson.Of[pairFound]()
	totalsShape      = awsjson.Of[totals]()
	pageShape        = awsjson.Of[page]()
	putShape         = awsjson.Of[putRequest]()
	updateShape      = awsjson.Of[updateRequest]()
)

func invalid(sentence string) error {
	return &refusal.Error{Kind: keyvalue.ErrInvalid, Sentence: sentence}
}

// decode reads the body of a request.
func decode[T any](c *call, s awsjson.Shape[T]) (*T, error) {
	in, err := s.Decode(c.Body)
	if syntax, ok := errors.AsType[*awsjson.DecodeError](err); ok {
		return nil, invalid(syntax.Message())
	}
	return in, err
}

// changed is the answer to what changes a store.
func changed(d keyvalue.Description, err error) (*answer, error) {
	if err != nil {
		return nil, err
	}
	return &answer{d.Version, totalsShape.Append(nil, &totals{d.Items, d.SizeBytes})}, nil
}

func (d *Door) describe(c *call) (*answer, error) {
	of, err := d.service.Describe(c.Context(), c.Caller, c.store)
	if err != nil {
		return nil, err
	}
	out := &description{ItemCount: of.Items, TotalSizeInBytes: of.SizeBytes, KvsARN: of.ARN, Created: of.Created, Status: "READY"}
	if !of.Modified.IsZero() {
		out.LastModified = &of.Modified
	}
	return &answer{of.Version, descriptionShape.Append(nil, out)}, nil
}

func (d *Door) get(c *call) (*answer, error) {
	value, of, err := d.service.Get(c.Context(), c.Caller, c.store, c.key)
	if err != nil {
		return nil, err
	}
	return &answer{body: foundShape.Append(nil, &pairFound{&c.key, &value, of.Items, of.SizeBytes})}, nil
}

func (d *Door) list(c *call) (*answer, error) {
	q := c.URL.Query()
	most := 0
	if s := q.Get("MaxResults"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n == 0 {
			n = math.MaxInt // the domain says what it may be
		}
		most = n
	}
	pairs, next, err := d.service.List(c.Context(), c.Caller, c.store, q.Get("NextToken"), most)
	if err != nil {
		return nil, err
	}
	out := &page{NextToken: next, Items: make([]pair, len(pairs))}
	for i := range pairs {
		out.Items[i] = pair{&pairs[i].Key, &pairs[i].Value}
	}
	return &answer{body: pageShape.Append(nil, out)}, nil
}

func (d *Door) put(c *call) (*answer, error) {
	in, err := decode(c, putShape)
	if err != nil {
		return nil, err
	}
	if in.Value == nil {
		return nil, invalid("The parameter Value is required.")
	}
	return changed(d.service.Put(c.Context(), c.Caller, c.store, c.ifMatch(), keyvalue.Pair{Key: c.key, Value: *in.Value}))
}

func (d *Door) delete(c *call) (*answer, error) {
	return changed(d.service.Delete(c.Context(), c.Caller, c.store, c.ifMatch(), c.key))
}

func (d *Door) update(c *call) (*answer, error) {
	in, err := decode(c, updateShape)
	if err != nil {
		return nil, err
	}
	var puts []keyvalue.Pair
	for _, p := range in.Puts {
		if p.Key == nil || p.Value == nil {
			return nil, invalid("Each of Puts requires Key and Value.")
		}
		puts = append(puts, keyvalue.Pair{Key: *p.Key, Value: *p.Value})
	}
	var deletes []string
	for _, k := range in.Deletes {
		if k.Key == nil {
			return nil, invalid("Each of Deletes requires Key.")
		}
		deletes = append(deletes, *k.Key)
	}
	return changed(d.service.Update(c.Context(), c.Caller, c.store, c.ifMatch(), puts, deletes))
}
