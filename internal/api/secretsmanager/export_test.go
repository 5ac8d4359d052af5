package secretsmanager

// WireErrors are the errors that the service has a form for.
func WireErrors(yield func(error) bool) {
	for _, f := range failures {
		if !yield(f.Err) {
			return
		}
	}
}
