package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Device is what is to be seen at a path. Opened says whether this process may read and write it, and Refusal why not;
// NoExec that the file system it lies on lets nobody map it as code.
type Device struct {
	Path    string `json:"path"`
	Kind    string `json:"kind"`
	Mode    uint32 `json:"mode"`
	Uid     uint32 `json:"uid"`
	Gid     uint32 `json:"gid"`
	Opened  bool   `json:"opened"`
	Refusal string `json:"refusal"`
	NoExec  bool   `json:"no_exec"`
}

const noExec = 0x8 // ST_NOEXEC of statfs(2)

func device(path string) Device {
	found := Device{Path: path, Kind: "absent"}
	status, err := os.Stat(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			found.Kind, found.Refusal = "hidden", reason(err)
		}
		return found
	}
	found.Kind = "other"
	if status.Mode()&fs.ModeCharDevice != 0 {
		found.Kind = "character"
	}
	if system, ok := status.Sys().(*syscall.Stat_t); ok {
		found.Mode, found.Uid, found.Gid = system.Mode&0o7777, system.Uid, system.Gid
	}
	var mount syscall.Statfs_t
	if syscall.Statfs(path, &mount) == nil {
		found.NoExec = mount.Flags&noExec != 0
	}
	if found.Kind != "character" {
		return found
	}
	descriptor, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		found.Refusal = reason(err)
		return found
	}
	syscall.Close(descriptor)
	found.Opened = true
	return found
}

// reason gives the system's own words, without the path.
func reason(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	return err.Error()
}
