package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// trustedTree writes files and a manifest that vouches for them.
func trustedTree(t testing.TB, names ...string) (string, *manifest) {
	t.Helper()
	root := t.TempDir()
	m := &manifest{tmpfs: []string{root + "/tmp"}}
	must(0, os.Mkdir(root+"/tmp", 0o755))
	for _, name := range names {
		content := []byte("content of " + name)
		must(0, os.WriteFile(root+"/"+name, content, 0o644))
		m.trustedFiles = append(m.trustedFiles, trustedFile{root + "/" + name, sha256.Sum256(content)})
	}
	return root, m
}

func TestTrustedFilesThatAreRightPass(t *testing.T) {
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprint("f", i))
	}
	_, m := trustedTree(t, names...)
	if err := checkTrustedFiles(context.Background(), m); err != nil {
		t.Error(err)
	}
}

func TestAChangedTrustedFileIsNamed(t *testing.T) {
	for name, change := range map[string]func(where, root string) error{
		"differs from the measured file": func(where, _ string) error { return os.WriteFile(where, []byte("content of B"), 0o644) },
		"cannot be read":                 func(where, _ string) error { return os.Remove(where) },
		"is not a regular file": func(where, _ string) error {
			return replace(where, func() error { return syscall.Mkfifo(where, 0o644) })
		},
		"is not a regular  file": func(where, _ string) error { return replace(where, func() error { return os.Mkdir(where, 0o755) }) },
		"no part of the image": func(where, root string) error {
			if err := os.WriteFile(root+"/tmp/b", []byte("content of b"), 0o644); err != nil {
				return err
			}
			return replace(where, func() error { return os.Symlink(root+"/tmp/b", where) })
		},
	} {
		root, m := trustedTree(t, "a", "b", "c")
		must(0, change(root+"/b", root))
		err := checkTrustedFiles(context.Background(), m)
		want := strings.ReplaceAll(name, "  ", " ")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "`"+root+"/b`") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func replace(where string, by func() error) error {
	if err := os.Remove(where); err != nil {
		return err
	}
	return by()
}

func TestTheFirstChangedFileIsNamedAndTheOthersCounted(t *testing.T) {
	root, m := trustedTree(t, "a", "b", "c", "d")
	for _, name := range []string{"b", "c", "d"} {
		must(0, os.WriteFile(root+"/"+name, nil, 0o644))
	}
	err := checkTrustedFiles(context.Background(), m)
	if err == nil || !strings.HasPrefix(err.Error(), "`"+root+"/b`") || !strings.HasSuffix(err.Error(), "(and 2 more)") {
		t.Errorf("%v", err)
	}
}

func TestALinkWithinTheImageIsFollowed(t *testing.T) {
	root, m := trustedTree(t, "a", "b")
	must(0, replace(root+"/a", func() error { return os.Symlink("b", root+"/a") }))
	m.trustedFiles[0].sha256 = m.trustedFiles[1].sha256
	if err := checkTrustedFiles(context.Background(), m); err != nil {
		t.Error(err)
	}
}

func TestOnlyATrustedProgramIsStarted(t *testing.T) {
	root, m := trustedTree(t, "a", "b")
	must(0, os.WriteFile(root+"/c", nil, 0o755))
	must(0, os.Symlink("b", root+"/good"))
	must(0, os.Symlink("c", root+"/bent"))
	for name, trusted := range map[string]bool{"a": true, "good": true, "bent": false, "c": false, "missing": false} {
		if err := checkProgram(m, root+"/"+name); (err == nil) != trusted {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHashingEndsWithItsContext(t *testing.T) {
	_, m := trustedTree(t, "a")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := checkTrustedFiles(ctx, m); err == nil {
		t.Error("it goes on")
	}
}
