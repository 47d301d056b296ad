package main

import "syscall"

// coreLimit is the limit that the program finds again.
type coreLimit struct {
	before syscall.Rlimit
	lower  bool
}

// forbidDumps keeps secrets out of core dumps and away from debuggers. Inside a library OS the enclave does that.
func forbidDumps() coreLimit {
	const dumpable = 4 // PR_SET_DUMPABLE; execve sets it again
	syscall.RawSyscall(syscall.SYS_PRCTL, dumpable, 0, 0)
	var limit coreLimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &limit.before) == nil {
		none := syscall.Rlimit{Cur: 0, Max: limit.before.Max}
		limit.lower = syscall.Setrlimit(syscall.RLIMIT_CORE, &none) == nil
	}
	return limit
}

func (limit *coreLimit) restore() {
	if limit.lower {
		// What fails here costs the program its core dumps and nothing else.
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit.before)
	}
}

// become gives up premain's user for the program's, for good.
func (o *owner) become() error {
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(o.gid); err != nil {
		return err
	}
	return syscall.Setuid(o.uid)
}
