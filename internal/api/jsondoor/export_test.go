package jsondoor

// CommonFailures is the table of what all services share.
var CommonFailures = common
