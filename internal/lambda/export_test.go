package lambda

// RunDue runs the events that are due.
var RunDue = (*Service).runDue

// Settle makes an outcome of an error of the function.
func Settle(id string, s Settings, err error) (*Outcome, error) {
	out := new(Outcome)
	return out, out.settle(id, &versionRecord{Settings: s}, nil, err)
}
