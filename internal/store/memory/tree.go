package memory

import "hash/maphash"

// node is the root of a persistent treap: a search tree by key and a heap by
// rank. Nodes never change once they are reachable from a published root, so a
// root is a snapshot: reading needs no lock and giving up a change costs nothing.
type node struct {
	key         string
	value       []byte
	rank        uint64
	left, right *node
}

// seed makes ranks unpredictable, so no choice of keys makes a deep tree. A key
// has the same rank in every tree, which is why put finds a key before it meets
// a node of lower rank.
var seed = maphash.MakeSeed()

func (n *node) get(key string) ([]byte, bool) {
	for n != nil {
		switch {
		case key < n.key:
			n = n.left
		case key > n.key:
			n = n.right
		default:
			return n.value, true
		}
	}
	return nil, false
}

// put returns the tree with key set to value, which it keeps.
func (n *node) put(key string, value []byte) *node {
	return n.insert(&node{key: key, value: value, rank: maphash.String(seed, key)})
}

func (n *node) insert(item *node) *node {
	switch {
	case n == nil:
		return item
	case item.key == n.key:
		item.left, item.right = n.left, n.right
		return item
	case item.rank > n.rank:
		item.left, item.right = n.split(item.key)
		return item
	}
	c := *n
	if item.key < n.key {
		c.left = n.left.insert(item)
	} else {
		c.right = n.right.insert(item)
	}
	return &c
}

// split divides the tree into the keys below key and those above; key itself is
// not in it.
func (n *node) split(key string) (below, above *node) {
	if n == nil {
		return nil, nil
	}
	c := *n
	if n.key < key {
		c.right, above = n.right.split(key)
		return &c, above
	}
	below, c.left = n.left.split(key)
	return below, &c
}

// remove returns the tree without key; it is n itself if key is absent.
func (n *node) remove(key string) *node {
	if n == nil {
		return nil
	}
	if key == n.key {
		return merge(n.left, n.right)
	}
	child := n.left
	if key > n.key {
		child = n.right
	}
	rest := child.remove(key)
	if rest == child {
		return n
	}
	c := *n
	if key < n.key {
		c.left = rest
	} else {
		c.right = rest
	}
	return &c
}

// merge joins two trees of which every key of below is less than every key of above.
func merge(below, above *node) *node {
	switch {
	case below == nil:
		return above
	case above == nil:
		return below
	case below.rank >= above.rank:
		c := *below
		c.right = merge(below.right, above)
		return &c
	default:
		c := *above
		c.left = merge(below, above.left)
		return &c
	}
}

// ascend yields the nodes with keys in [from, to) in order; an empty to is no
// bound. It reports whether yield wants more.
func (n *node) ascend(from, to string, yield func(*node) bool) bool {
	if n == nil {
		return true
	}
	if from < n.key && !n.left.ascend(from, to, yield) {
		return false
	}
	if to != "" && n.key >= to {
		return true
	}
	if n.key >= from && !yield(n) {
		return false
	}
	return n.right.ascend(from, to, yield)
}

// descend is ascend from the last key to the first.
func (n *node) descend(from, to string, yield func(*node) bool) bool {
	if n == nil {
		return true
	}
	below := to == "" || n.key < to
	if below && !n.right.descend(from, to, yield) {
		return false
	}
	if n.key < from {
		return true
	}
	if below && !yield(n) {
		return false
	}
	return n.left.descend(from, to, yield)
}
