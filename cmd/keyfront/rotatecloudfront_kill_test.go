package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyfront-project/keyfront/internal/rotation"
)

// trap stands before the AWS API. It kills the process that calls at the first
// request of each kind, once before it is passed on and once when it has had its
// effect and the caller has not heard of it. So the process dies once before and
// once behind whatever it does between two requests.
type trap struct {
	api http.Handler

	mu sync.Mutex
	// Guarded by mu.
	victim *exec.Cmd // nil once it is killed
	sprung map[string]bool
}

func (p *trap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kind := r.Method + r.URL.Path + r.Header.Get("X-Amz-Target")
	switch {
	case p.victim == nil:
		panic(http.ErrAbortHandler)
	case !p.sprung["before "+kind]:
		p.sprung["before "+kind] = true
	case !p.sprung["behind "+kind]:
		p.sprung["behind "+kind] = true
		p.api.ServeHTTP(httptest.NewRecorder(), r)
	default:
		p.api.ServeHTTP(w, r)
		return
	}
	_ = p.victim.Process.Kill()
	p.victim = nil
	panic(http.ErrAbortHandler)
}

// run runs the command, and reports whether it was killed.
func (p *trap) run(t *testing.T, cmd *exec.Cmd) (killed bool) {
	t.Helper()
	var words strings.Builder
	cmd.Stderr = &words
	p.mu.Lock()
	p.victim = cmd
	err := cmd.Start()
	p.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.victim != nil && err != nil {
		t.Fatalf("%s: %v: %s", cmd, err, words.String())
	}
	return p.victim == nil
}

// Killed at each of its steps and run again, the command loses nothing, leaves
// nothing over, and viewers do not notice.
func TestRotateCloudFrontSurvivesKills(t *testing.T) {
	w := newRotationWorld(t)
	w.rotate(w.Now())
	old := w.current()
	api, err := url.Parse(w.APIURL)
	if err != nil {
		t.Fatal(err)
	}
	p := &trap{api: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(api)
		r.Out.Host = r.In.Host // it is signed
	}}}
	door := httptest.NewServer(p)
	defer door.Close()
	settle := func(steps int, asked ...string) {
		p.sprung = map[string]bool{}
		args := []string{
			"rotate-cloudfront", "--key-group", w.pub.KeyGroupID, "--state", w.cmd.State, "--longest-validity", "24h",
			"--endpoint", door.URL, "--region", w.Region,
		}
		for p.run(t, exec.Command("keyfront", append(args, asked...)...)) {
			if !w.opens(w.current()) {
				t.Fatalf("after %d kills the edge does not serve with the current key", len(p.sprung))
			}
			asked = nil // it is noted
		}
		if len(p.sprung) < 2*steps {
			t.Errorf("killed %d times, want one before and one behind each of %d steps: %v", len(p.sprung), steps, p.sprung)
		}
	}

	// CreateKey, found again by ListKeys and DescribeKey, GetPublicKey, CreatePublicKey,
	// the key group read and written, the distribution found and read.
	settle(9, "--now")
	if w.current() == old || !w.opens(w.current()) || !w.opens(old) {
		t.Fatalf("after %d kills the edge serves with %+v: %v, with the key before: %v", len(p.sprung), w.current(), w.opens(w.current()), w.opens(old))
	}
	w.holds(2)
	// The key group read and written, the public key read and deleted,
	// ScheduleKeyDeletion.
	settle(5, "--remove", old.KeyPairID)
	if !w.opens(w.current()) {
		t.Fatalf("after %d kills the edge does not serve with the current key", len(p.sprung))
	}
	w.holds(1)
}

// holds wants just n keys of the rotation: in its folder, the key group, the list
// of public keys and the key service.
func (w *rotationWorld) holds(n int) {
	w.t.Helper()
	ctx := w.t.Context()
	state, err := (&rotationFile{folder: w.cmd.State, keyGroup: w.pub.KeyGroupID}).Load(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	settled := !slices.ContainsFunc(state.Keys, func(k rotation.Key) bool {
		return k.Phase != rotation.Signing && k.Phase != rotation.Retired
	})
	listed, err := cloudfront.NewFromConfig(w.AWSConfig()).ListPublicKeys(ctx, &cloudfront.ListPublicKeysInput{})
	if err != nil {
		w.t.Fatal(err)
	}
	halves := len(listed.PublicKeyList.Items) - 1 // less the publication's
	api, pairs := kms.NewFromConfig(w.AWSConfig()), 0
	for pages := kms.NewListKeysPaginator(api, &kms.ListKeysInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, k := range page.Keys {
			known, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: k.KeyId})
			if err != nil {
				w.t.Fatal(err)
			}
			if m := known.KeyMetadata; strings.HasPrefix(aws.ToString(m.Description), "keyfront rotate-cloudfront") && m.KeyState == kmstypes.KeyStateEnabled {
				pairs++
			}
		}
	}
	if len(state.Keys) != n || !settled || len(w.group()) != n+1 || halves != n || pairs != n {
		w.t.Fatalf("%d public halves and %d pairs, key group %v, want %d of each and the publication's; %s has %+v",
			halves, pairs, w.group(), n, filepath.Base(w.cmd.State), state.Keys)
	}
}
