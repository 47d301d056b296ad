package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func anyFileSystem(int) error { return nil }

func entries(t testing.TB, directory string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(directory, func(where string, _ fs.DirEntry, err error) error {
		if where != directory {
			found = append(found, where)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFilesAreWrittenAndTakenBack(t *testing.T) {
	mount := t.TempDir()
	l := &ledger{mounts: []string{mount}, isTmpfs: anyFileSystem}
	if err := l.create(mount+"/a/b/secret", 0o440, []byte("content")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(mount + "/a/b/secret")
	if err != nil || info.Mode() != 0o440 || info.Size() != 7 {
		t.Errorf("%v %v", info, err)
	}
	if err := l.undo(); err != nil || len(entries(t, mount)) != 0 {
		t.Errorf("left: %v %v", entries(t, mount), err)
	}
	if err := l.create(mount+"/late", 0o400, nil); !errors.Is(err, errClosed) {
		t.Errorf("written after the end: %v", err)
	}
	if err := l.keep(func() error { return nil }); !errors.Is(err, errClosed) {
		t.Errorf("started after the end: %v", err)
	}
}

func TestWhatAnEarlierStartLeftIsRemovedAndNothingElse(t *testing.T) {
	mount, outside := t.TempDir(), t.TempDir()
	l := &ledger{mounts: []string{mount}, isTmpfs: anyFileSystem}
	must(0, os.Mkdir(mount+"/a", 0o755))
	for _, where := range []string{mount + "/a/left", mount + "/kept", outside + "/kept"} {
		must(0, os.WriteFile(where, []byte("old"), 0o400))
	}
	must(0, os.Symlink(outside+"/kept", mount+"/link"))
	must(0, l.sweep([]string{mount + "/a/left", mount + "/link", mount + "/never", outside + "/kept"}))
	must(0, l.create(mount+"/a/left", 0o400, []byte("new")))
	must(0, l.create(mount+"/link", 0o400, []byte("new")))
	for where, content := range map[string]string{
		mount + "/a/left": "new", mount + "/link": "new", mount + "/kept": "old", outside + "/kept": "old",
	} {
		if found := must(os.ReadFile(where)); string(found) != content {
			t.Errorf("%s: %q", where, found)
		}
	}
	if err := l.sweep([]string{mount + "/a"}); err == nil {
		t.Error("a directory is removed")
	}
}

func TestWhatWasThereBeforeStays(t *testing.T) {
	mount := t.TempDir()
	l := &ledger{mounts: []string{mount}, isTmpfs: anyFileSystem}
	must(0, os.Mkdir(mount+"/old", 0o755))
	must(0, os.WriteFile(mount+"/old/file", []byte("mine"), 0o644))
	if err := l.create(mount+"/old/file", 0o400, []byte("yours")); err == nil {
		t.Error("a file is overwritten")
	}
	must(0, l.create(mount+"/old/new", 0o400, nil))
	must(0, l.undo())
	if kept := must(os.ReadFile(mount + "/old/file")); string(kept) != "mine" || len(entries(t, mount)) != 2 {
		t.Errorf("%q %v", kept, entries(t, mount))
	}
}

func TestNoWayLeadsOutOfAMount(t *testing.T) {
	root := t.TempDir()
	mount, outside := root+"/mount", root+"/outside"
	must(0, os.Mkdir(mount, 0o755))
	must(0, os.Mkdir(outside, 0o755))
	must(0, os.Symlink(outside, mount+"/link"))
	must(0, os.Symlink(outside+"/target", mount+"/dangling"))
	must(0, os.WriteFile(mount+"/file", nil, 0o644))
	must(0, syscall.Mkfifo(mount+"/fifo", 0o644))
	must(0, os.Symlink(mount, root+"/alias"))
	l := &ledger{mounts: []string{mount, root + "/alias"}, isTmpfs: anyFileSystem}
	for _, where := range []string{
		outside + "/x", mount, mount + "/", mount + "/link/x", mount + "/dangling", mount + "/link", mount + "/file/x",
		mount + "/fifo", mount + "/../outside/x", mount + "/./x", mount + "//x", mount + "x/y", root + "/alias/x",
		"relative", "", mount + "/a\x00b",
	} {
		if err := l.create(where, 0o400, []byte("secret")); err == nil {
			t.Errorf("%q is written", where)
		}
	}
	if len(entries(t, outside)) != 0 {
		t.Errorf("outside: %v", entries(t, outside))
	}
}

func TestEveryDirectoryOnTheWayMustBeMemory(t *testing.T) {
	mount := t.TempDir()
	var asked int
	disk := errors.New("is no tmpfs")
	l := &ledger{mounts: []string{mount}, isTmpfs: func(int) error {
		if asked++; asked == 2 {
			return disk
		}
		return nil
	}}
	if err := l.create(mount+"/a/secret", 0o400, []byte("secret")); !errors.Is(err, disk) {
		t.Errorf("%v", err)
	}
	must(0, l.undo())
	if left := entries(t, mount); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestTmpfsIsKnownFromDisk(t *testing.T) {
	memory := must(os.Open("/dev/shm"))
	defer memory.Close()
	if err := onTmpfs(int(memory.Fd())); err != nil {
		t.Errorf("/dev/shm: %v", err)
	}
	kernel := must(os.Open("/proc"))
	defer kernel.Close()
	if err := onTmpfs(int(kernel.Fd())); err == nil {
		t.Error("/proc is taken for a tmpfs")
	}
}

func TestAFileBelongsToTheMeasuredUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	mount := t.TempDir()
	l := &ledger{mounts: []string{mount}, isTmpfs: anyFileSystem, owner: &owner{1234, 4321}}
	must(0, l.create(mount+"/a/b", 0o400, nil))
	for _, where := range []string{mount + "/a", mount + "/a/b"} {
		found := must(os.Stat(where)).Sys().(*syscall.Stat_t)
		if found.Uid != 1234 || found.Gid != 4321 {
			t.Errorf("%s belongs to %d:%d", where, found.Uid, found.Gid)
		}
	}
}
