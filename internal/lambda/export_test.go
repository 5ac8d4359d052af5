package lambda

// RunDue runs the events that are due.
var RunDue = (*Service).runDue
