package delivery

// Loaded is how many functions are ready to run.
func (s *Service) Loaded() int {
	s.runningMu.Lock()
	defer s.runningMu.Unlock()
	return len(s.running)
}

// ValidPattern tells whether a text is a path pattern.
var ValidPattern = validPattern
