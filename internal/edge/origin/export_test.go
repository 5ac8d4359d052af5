package origin

// BucketOf takes the name of an S3 endpoint apart.
var BucketOf = bucketOf
