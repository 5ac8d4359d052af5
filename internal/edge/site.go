package edge

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/keyfront-project/keyfront/internal/accesslog"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/signedurl"
)

// site is what the edge computes once for a distribution.
type site struct {
	d *delivery.Distribution
	// pseudonym names this edge and this distribution in Via.
	pseudonym string
	via10     []string
	via11     []string
	via20     []string
	plans     []plan // by delivery.Behavior.Index
	figures   siteFigures
	logs      []accesslog.Destination
	// uses are those of the keys that the distribution trusts.
	uses map[signedurl.KeyID]*keyUse
}

// plan is what the edge computes once for a behaviour.
type plan struct {
	b          *delivery.Behavior
	keyHeaders []keyHeader
	// cached says that answers may be kept and looked up.
	cached bool
	// joint says that viewers may wait for one fetch together.
	joint bool
	// cookies says that cookies reach the origin, and its Set-Cookie the viewers.
	cookies bool
	// host says that the viewer's Host header goes to the origin.
	host bool
	// port says that the port in it tells answers apart, which the key's headers
	// would not.
	port bool
	// made are the headers that the edge makes for the origin.
	made []string
}

func (e *Edge) site(d *delivery.Distribution) *site {
	if s, ok := e.sites.Load(d); ok {
		return s.(*site)
	}
	s, _ := e.sites.LoadOrStore(d, e.newSite(d))
	return s.(*site)
}

func (e *Edge) newSite(d *delivery.Distribution) *site {
	sum := sha256.Sum256(append(e.secret[:len(e.secret):len(e.secret)], d.ID...))
	s := &site{d: d, pseudonym: hex.EncodeToString(sum[:16]), figures: e.figures.of(d.ID), logs: e.destinations(d)}
	by := " " + s.pseudonym + ".cloudfront.net (CloudFront)"
	s.via10, s.via11, s.via20 = []string{"1.0" + by}, []string{"1.1" + by}, []string{"2.0" + by}
	for _, b := range d.Behaviors {
		p := plan{
			b:          b,
			keyHeaders: keyHeaders(&b.Key.Headers),
			cookies:    b.Forward.Cookies.Mode != delivery.SelectNone,
			host:       b.Forward.Headers.Has("host"),
			made:       b.Forward.EdgeHeaders,
		}
		// A key of all viewer headers would have no two requests alike.
		listed := b.Key.Headers.Mode == delivery.SelectNone || b.Key.Headers.Mode == delivery.SelectWhitelist
		p.cached = !b.CachingDisabled && listed
		p.joint = !p.cookies
		p.port = p.host && !b.Key.Headers.Has("host")
		for _, h := range p.keyHeaders {
			if h.made {
				p.made = append(p.made[:len(p.made):len(p.made)], h.name)
			}
		}
		s.plans = append(s.plans, p)
	}
	s.uses = e.uses.of(d)
	return s
}

// via is the value of Via for a protocol version.
func (s *site) via(major, minor int) []string {
	switch {
	case major == 1 && minor == 0:
		return s.via10
	case major == 1:
		return s.via11
	default:
		return s.via20
	}
}
