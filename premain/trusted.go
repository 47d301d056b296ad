package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// checkTrustedFiles compares every trusted file with the SHA-256 that the measured manifest gives. On the native
// runtime nobody else does it. All files are read, so that the first one that differs does not depend on luck.
func checkTrustedFiles(ctx context.Context, m *manifest) error {
	faults := make([]error, len(m.trustedFiles))
	var next atomic.Int64
	var workers sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	// One more than hashing takes: else the steps beside it would hear of an answer only every 10 ms.
	runtime.GOMAXPROCS(cores + 1)
	for range min(cores, len(m.trustedFiles)) {
		workers.Go(func() {
			buffer := make([]byte, 256<<10)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(m.trustedFiles) {
					return
				}
				faults[i] = checkTrustedFile(m, m.trustedFiles[i], buffer)
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return firstOf(faults)
}

func firstOf(faults []error) error {
	var first error
	more := 0
	for _, fault := range faults {
		switch {
		case fault == nil:
		case first == nil:
			first = fault
		default:
			more++
		}
	}
	const hint = "the image is not the one that was measured: pull or build it again, and see `caisson verify`"
	switch {
	case first == nil:
		return nil
	case more > 0:
		return wrong(hint, "%v (and %d more)", first, more)
	}
	return wrong(hint, "%v", first)
}

func checkTrustedFile(m *manifest, trusted trustedFile, buffer []byte) error {
	// A FIFO would block for ever without O_NONBLOCK; on a regular file it means nothing.
	file, err := os.OpenFile(trusted.path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", quoted(trusted.path), origin(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", quoted(trusted.path), origin(err))
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", quoted(trusted.path))
	}
	if err := staysInImage(m, trusted.path, file); err != nil {
		return err
	}
	hash := sha256.New()
	// The struct hides os.File's own copying, which would leave the buffer aside.
	if _, err := io.CopyBuffer(hash, struct{ io.Reader }{file}, buffer); err != nil {
		return fmt.Errorf("%s cannot be read: %w", quoted(trusted.path), origin(err))
	}
	if [32]byte(hash.Sum(nil)) != trusted.sha256 {
		return fmt.Errorf("%s differs from the measured file", quoted(trusted.path))
	}
	return nil
}

// staysInImage refuses a trusted file that links lead out of the image: to memory, or to what the kernel makes up.
// Such a file may be another one by the time the program opens it.
func staysInImage(m *manifest, where string, file *os.File) error {
	real, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	if err != nil {
		return fmt.Errorf("%s cannot be followed: %w", quoted(where), origin(err))
	}
	for _, outside := range append([]string{"/proc", "/sys", "/dev"}, m.tmpfs...) {
		if below(real, outside) {
			return fmt.Errorf("%s leads to %s, which is no part of the image", quoted(where), quoted(real))
		}
	}
	return nil
}

// checkProgram refuses to start a file that the manifest does not vouch for.
func checkProgram(m *manifest, program string) error {
	real, err := filepath.EvalSymlinks(program)
	if err != nil {
		return wrong("", "the program %s cannot be found: %v", quoted(program), origin(err))
	}
	if m.trusts(program) || m.trusts(real) {
		return nil
	}
	return wrong("the recipe has to list it in the image's trusted files",
		"the program %s is no trusted file of the measured manifest", quoted(real))
}

// trusts tells whether a path is among the measured files.
func (m *manifest) trusts(where string) bool {
	return slices.ContainsFunc(m.trustedFiles, func(file trustedFile) bool { return file.path == where })
}

func below(where, directory string) bool {
	return where == directory || strings.HasPrefix(where, strings.TrimSuffix(directory, "/")+"/")
}
