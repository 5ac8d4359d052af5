package secretsmanager

// Failures is the table of the refusals.
var Failures = failures
