package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
)

// owner is who shall own what is written; nil means whoever runs premain.
type owner struct{ uid, gid int }

// ledger writes files below the measured tmpfs mounts, and knows how to take everything back.
type ledger struct {
	mounts  []string           // absolute, clean paths
	isTmpfs func(fd int) error // asked of every directory on the way, or nil if the library OS vouches for its mounts
	owner   *owner

	mutex   sync.Mutex
	closed  bool
	written []string // files and directories, in the order of their making
}

var errClosed = errors.New("premain is ending")

// contains tells whether a file may be at this place: strictly below one of the mounts.
func (l *ledger) contains(where string) bool { return cleanPath(where) && l.mountOf(where) != "" }

func (l *ledger) mountOf(where string) string {
	longest := ""
	for _, mount := range l.mounts {
		if mount != where && below(where, mount) && len(mount) > len(longest) {
			longest = mount
		}
	}
	return longest
}

// create makes one file, and the directories it needs, where nothing was. It follows no links.
func (l *ledger) create(where string, mode uint32, content []byte) error {
	return l.createFrom(where, mode, int64(len(content)), bytes.NewReader(content))
}

// createFrom makes one file of `size` bytes that come from a stream; see create.
func (l *ledger) createFrom(where string, mode uint32, size int64, content io.Reader) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.closed {
		return errClosed
	}
	if !l.contains(where) {
		return fmt.Errorf("%s does not lie below a tmpfs mount of the measured manifest", quoted(where))
	}
	directory, err := l.enter(l.mountOf(where), where)
	if err != nil {
		return err
	}
	defer syscall.Close(directory)
	name := where[strings.LastIndexByte(where, '/')+1:]
	flags := syscall.O_WRONLY | syscall.O_CREAT | syscall.O_EXCL | syscall.O_NOFOLLOW | syscall.O_CLOEXEC
	fd, err := syscall.Openat(directory, name, flags, 0o600)
	if err != nil {
		return fmt.Errorf("%s cannot be made: %w", quoted(where), err)
	}
	l.written = append(l.written, where)
	file := os.NewFile(uintptr(fd), where)
	// Gramine's tmpfs copies a file each time it grows, unless it is told how long it will be.
	if err = file.Truncate(size); err == nil {
		_, err = io.CopyN(struct{ io.Writer }{file}, content, size)
	}
	if l.owner != nil {
		err = errors.Join(err, file.Chown(l.owner.uid, l.owner.gid))
	}
	if err = errors.Join(err, file.Chmod(os.FileMode(mode)), file.Close()); err != nil {
		return fmt.Errorf("%s cannot be written: %w", quoted(where), origin(err))
	}
	return nil
}

// sweep removes what an earlier start of the same container left: engines keep a pod's memory when they restart a
// container in it. It comes before everything is made, so a bundle still cannot write one file over another.
func (l *ledger) sweep(places []string) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.closed {
		return errClosed
	}
	for _, where := range places {
		if !l.contains(where) {
			continue // creating it is refused
		}
		directory, err := l.enter(l.mountOf(where), where)
		if err != nil {
			return err
		}
		err = syscall.Unlinkat(directory, where[strings.LastIndexByte(where, '/')+1:])
		syscall.Close(directory)
		if err != nil && err != syscall.ENOENT {
			return fmt.Errorf("%s is left of an earlier start and cannot be removed: %w", quoted(where), err)
		}
	}
	return nil
}

// enter opens the directory of a file, step by step down from the mount, and makes what is missing.
func (l *ledger) enter(mount, where string) (int, error) {
	current, err := l.open(-1, mount, mount)
	if err != nil {
		return -1, err
	}
	reached := strings.TrimSuffix(mount, "/")
	segments := strings.Split(where[len(reached)+1:], "/")
	for _, segment := range segments[:len(segments)-1] {
		reached += "/" + segment
		next, err := l.step(current, segment, reached)
		syscall.Close(current)
		if err != nil {
			return -1, err
		}
		current = next
	}
	return current, nil
}

func (l *ledger) step(parent int, name, where string) (int, error) {
	err := syscall.Mkdirat(parent, name, 0o755)
	if err != nil && err != syscall.EEXIST {
		return -1, fmt.Errorf("%s cannot be made: %w", quoted(where), err)
	}
	made := err == nil
	if made {
		l.written = append(l.written, where)
	}
	fd, err := l.open(parent, name, where)
	if err != nil || !made || l.owner == nil {
		return fd, err
	}
	if err := syscall.Fchown(fd, l.owner.uid, l.owner.gid); err != nil {
		syscall.Close(fd)
		return -1, fmt.Errorf("%s cannot be given away: %w", quoted(where), err)
	}
	return fd, nil
}

func (l *ledger) open(parent int, name, where string) (int, error) {
	fd, err := syscall.Openat(parent, name, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s is no directory to write in: %w", quoted(where), err)
	}
	if l.isTmpfs != nil {
		if err := l.isTmpfs(fd); err != nil {
			syscall.Close(fd)
			return -1, fmt.Errorf("%s %w", quoted(where), err)
		}
	}
	return fd, nil
}

// checkMounts fails early, before anybody is asked for secrets, if they could not be kept.
func (l *ledger) checkMounts() error {
	for _, mount := range l.mounts {
		if !cleanPath(mount) {
			return wrong("", "mount %s is not an absolute, clean path", quoted(mount))
		}
		fd, err := l.open(-1, mount, mount)
		if err != nil {
			return wrong("start the container with `--tmpfs "+plain(mount)+"`", "%v", err)
		}
		syscall.Close(fd)
	}
	return nil
}

// undo removes everything that was written, last first, and lets nothing more be written.
func (l *ledger) undo() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.closed = true
	var faults []error
	for len(l.written) > 0 {
		last := len(l.written) - 1
		faults = append(faults, os.Remove(l.written[last]))
		l.written = l.written[:last]
	}
	return errors.Join(faults...)
}

// keep runs the step after which nothing can be taken back, unless undo came first.
func (l *ledger) keep(step func() error) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.closed {
		return errClosed
	}
	return step()
}

// onTmpfs refuses a directory whose files would reach a disk.
func onTmpfs(fd int) error {
	const tmpfsMagic, ramfsMagic = 0x01021994, 0x858458f6 // linux/magic.h
	var found syscall.Statfs_t
	if err := syscall.Fstatfs(fd, &found); err != nil {
		return fmt.Errorf("cannot be examined: %w", err)
	}
	if found.Type != tmpfsMagic && found.Type != ramfsMagic {
		return errors.New("is no tmpfs")
	}
	return nil
}
