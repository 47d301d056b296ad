package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

func fails(with string) func(context.Context, *guest) error {
	return func(context.Context, *guest) error { return errors.New(with) }
}

func TestOfFailuresAtOnceTheFirstStepsCounts(t *testing.T) {
	g, failed := &guest{}, make(chan bool)
	end := together(t.Context(), g, []step{
		{"first", 1, func(ctx context.Context, _ *guest) error {
			<-failed
			if ctx.Err() != nil {
				t.Error("a step after it has ended it")
			}
			return errors.New("late")
		}, after},
		{"second", 2, func(context.Context, *guest) error {
			defer close(failed)
			return errors.New("early")
		}, beside},
		{"third", 3, func(ctx context.Context, _ *guest) error {
			<-ctx.Done()
			return ctx.Err()
		}, beside},
	})
	if end == nil || end.step != "first" || end.status != 1 || end.err.Error() != "late" {
		t.Errorf("%v", end)
	}
}

func TestABugBesideOtherStepsIsNoVerdict(t *testing.T) {
	var said bytes.Buffer
	g := &guest{world: world{stderr: &said}}
	bug := func(context.Context, *guest) error { panic("a bug") }
	if end := together(t.Context(), g, []step{{"first", 1, bug, after}, {"second", 2, fails("no"), beside}}); end.status != statusBug {
		t.Errorf("%v", end)
	}
	if !strings.Contains(said.String(), "together_test.go") {
		t.Error("no stack")
	}
}

func TestWhatAStepLeavesOpenOutlivesTheStepsBesideIt(t *testing.T) {
	var kept context.Context
	keep := func(ctx context.Context, _ *guest) error { kept = ctx; return nil }
	if end := together(t.Context(), &guest{}, []step{{"first", 1, keep, after}, {"second", 2, keep, beside}}); end != nil || kept.Err() != nil {
		t.Errorf("%v %v", end, kept.Err())
	}
}

// A file that differs is what is reported, whatever else is wrong, and nobody gets evidence.
func TestAChangedFileCountsBeforeTheStepsBesideIt(t *testing.T) {
	for name, change := range map[string]func(*rehearsal){
		"alone":          func(*rehearsal) {},
		"refused launch": func(r *rehearsal) { r.platform.refuse[opLaunch] = "SGX_INVALID_MEASUREMENT: no" },
		"no SIGSTRUCT":   func(r *rehearsal) { must(0, os.Remove(r.root+"/app.sig")) },
		"another server": func(r *rehearsal) { r.env["CAISSON_KEY_SERVER_PIN"] = strings.Repeat("0", 64) },
		"a server that never answers": func(r *rehearsal) {
			listener := must(net.Listen("tcp", "127.0.0.1:0"))
			r.t.Cleanup(func() { listener.Close() })
			r.outside["CAISSON_KEY_SERVER"], r.outside["CAISSON_TIMEOUT"] = "http://"+listener.Addr().String(), "600"
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := rehearse(t)
			must(0, os.WriteFile(r.root+"/app", []byte("Program"), 0o755))
			change(r)
			r.answer = func(answer []byte) []byte { t.Error("there is an activation"); return answer }
			r.check(83, "trusted files: error: `")
			if len(r.platform.reported) != 0 || r.started {
				t.Error("it goes on")
			}
		})
	}
}

func TestAChallengeThatWaitedIsAskedForAgain(t *testing.T) {
	r := rehearse(t)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) { asked++; r.serve(w, request) }))
	defer server.Close()
	g := &guest{settings: &settings{keyServer: must(url.Parse(server.URL)), timeout: time.Minute}, challenged: time.Now()}
	for _, wanted := range []int{0, 1, 1} {
		if err := renewChallenge(t.Context(), g); err != nil || asked != wanted {
			t.Errorf("asked %d times: %v", asked, err)
		}
		if asked == 0 {
			g.challenged = g.challenged.Add(-freshness)
		}
	}
	if g.challenge == nil {
		t.Error("no challenge")
	}
}
