//go:build unix

package candor

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// detached: a session of its own, without a terminal, and not in the host's process group: Ctrl-C is meant
// for the host.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func isSetuid() bool { return os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() }

// closeInherited closes what the host had open without meaning to pass it on. Go's own files have
// close-on-exec, so in a process that has just begun, those without are inherited.
func closeInherited() {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		if names, err = os.ReadDir("/dev/fd"); err != nil {
			return
		}
	}
	for _, name := range names {
		number, err := strconv.Atoi(name.Name())
		if err != nil || number <= 2 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(number), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(number)
		}
	}
}
