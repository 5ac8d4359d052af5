// Package delivery is CloudFront's control plane: distributions with their
// origins and behaviours, the public keys and key groups that viewers' signatures
// are checked with, cache policies, origin access, CloudFront functions with their
// key value stores, and invalidations.
//
// Service keeps them, one account apart from the other, in store.Records
// (docs/spec/delivery-records.md) and in memory. What it promises:
//
//   - A distribution's configuration is stored whole and given back whole. A
//     setting that the edge does not obey is refused by name, never dropped.
//   - A change is visible in Snapshot, the immutable form that the edge
//     consumes, before the method that made it returns.
//   - An invalidation has reached every subscribed edge of this process before
//     it says that it is completed.
//   - Nothing that is still referred to can be deleted.
//
// Sources: Amazon CloudFront API Reference 2020-05-31; CloudFront Developer Guide.
package delivery
