package function

// Place is place.
type Place struct{ place }

func (p *Place) Beside()       { p.beside() }
func (p *Place) Anywhere()     { p.anywhere() }
func (p *Place) Of(thread int) { p.of(thread) }

// ThreadID is threadID.
func ThreadID() int { return threadID() }
