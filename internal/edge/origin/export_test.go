package origin

// BucketOf takes the name of an S3 endpoint apart.
var BucketOf = bucketOf

// Pools is how many pools of connections there are.
func (c *Client) Pools() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pools)
}
