// Command premain is Caisson's guest agent: the first program inside every enclave. It proves to the key server what
// runs here, receives the secrets that are sealed to it, puts them in place, and becomes the program.
// See docs/reference/premain.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 4)
	for _, each := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
		// What whoever started premain wants ignored stays so, for the program too: to be notified would undo it.
		if !signal.Ignored(each) {
			signal.Notify(signals, each)
		}
	}
	os.Exit(run(signals, world{
		args:        os.Args,
		environ:     os.Environ(),
		image:       "/.caisson",
		executable:  "/proc/self/exe",
		attestation: attestationDevice,
		isTmpfs:     onTmpfs,
		exec:        syscall.Exec,
		stderr:      os.Stderr,
	}))
}

// ending is how a start failed.
type ending struct {
	step   string
	status int
	err    error
}

// run goes all the way, or takes everything back, says why in one line, and gives the exit status.
func run(signals <-chan os.Signal, w world) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	files := &ledger{}
	ended := make(chan ending, 1)
	go func() { ended <- walk(ctx, &guest{world: w, files: files}) }()
	var end ending
	select {
	case end = <-ended:
	case signal := <-signals:
		end = ending{"interrupted", statusInterrupted, wrong("", "signal %d (%v) came before the program was started", signal, signal)}
	}
	if err := files.undo(); err != nil {
		report(w.stderr, ending{step: end.step, err: wrong("", "not everything could be removed: %v", err)})
	}
	report(w.stderr, end)
	return end.status
}

// walk takes the steps in their order, those that go together at once; it comes back only with a failure.
func walk(ctx context.Context, g *guest) ending {
	defer func() {
		if g.bundle != nil {
			g.bundle.wipe()
		}
	}()
	for left := steps; len(left) > 0; {
		count := 1
		for count < len(left) && left[count].beside {
			count++
		}
		if end := together(ctx, g, left[:count]); end != nil {
			return *end
		}
		left = left[count:]
	}
	return ending{"exec", statusBug, wrong("", "execve came back without an error")}
}

// together takes steps at once, and waits for all. Of several failures the one counts whose step comes first, so that it
// does not depend on luck: a step that fails ends those that come after it, and none before it.
func together(ctx context.Context, g *guest, steps []step) *ending {
	ends := make([]*ending, len(steps))
	var running sync.WaitGroup
	for i, at := range steps {
		own := ctx // what a step leaves open, such as the platform's connection, lives on when the step is over
		later, end := context.WithCancel(ctx)
		running.Go(func() {
			if ends[i] = attempt(own, g, at); ends[i] != nil {
				end()
			}
		})
		ctx = later
	}
	running.Wait()
	for _, end := range ends {
		if end != nil {
			return end
		}
	}
	return nil
}

func attempt(ctx context.Context, g *guest, at step) (end *ending) {
	defer func() {
		if fault := recover(); fault != nil {
			// The stack shows addresses, and nothing of what lies there.
			fmt.Fprintf(g.stderr, "%s", debug.Stack())
			end = &ending{at.name, statusBug, wrong("please report it with the lines above", "this is a bug in Caisson: %v", fault)}
		}
	}()
	err := at.run(ctx, g)
	switch {
	case err == nil:
		return nil
	case isUnavailable(err):
		return &ending{at.name, statusUnavailable, err}
	}
	return &ending{at.name, at.status, err}
}

func report(to io.Writer, end ending) {
	fmt.Fprintf(to, "caisson premain: %s: error: %s\n", end.step, strings.ReplaceAll(end.err.Error(), "\n", "; "))
	if found, ok := errors.AsType[*failure](end.err); ok && found.hint != "" {
		fmt.Fprintf(to, "caisson premain: %s: hint: %s\n", end.step, found.hint)
	}
}
