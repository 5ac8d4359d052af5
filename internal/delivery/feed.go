package delivery

import "time"

// Invalidation asks edges to forget what they hold of one distribution.
type Invalidation struct {
	ID           string
	Distribution DistributionID
	// Seq orders invalidations of all distributions; an edge that keeps its
	// cache keeps the highest Seq that it has applied, and resumes after it.
	Seq uint64
	// Paths begin with a slash and are percent-encoded as viewers send them. A
	// path that ends in "*" stands for all that begin with the rest, query
	// included; any other for exactly itself, query included, in all its
	// header and cookie variants.
	Paths           []string
	CallerReference string
	CreatedAt       time.Time
}

// Feed is what edges follow: the newest snapshot, and every invalidation in
// order. *Service is one; an edge on another machine gets one that follows a
// Service over the network.
type Feed interface {
	// Snapshot returns the newest snapshot. It does not block or allocate.
	Snapshot() *Snapshot
	// Changed returns a channel that is closed when Snapshot has something
	// newer than it had at the time of the call.
	Changed() <-chan struct{}
	// Subscribe calls apply for every kept invalidation with a Seq above
	// after, in order, and then for each new one before the call that asked
	// for it returns. apply has taken effect when it returns; it must not call
	// back. cancel ends it.
	Subscribe(after uint64, apply func(Invalidation)) (cancel func())
}
