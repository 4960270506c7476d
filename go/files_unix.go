//go:build unix

package candor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Flags for opening any file: without following a link, and without waiting for a pipe's other end.
const safeFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY

func checkOwner(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(stat.Uid) != os.Geteuid() {
		return &errUnusable{path, "it belongs to another user"}
	}
	return nil
}

// checkLinks checks that a file has one name at most: under another one it could be anything.
func checkLinks(path string, info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return &errUnusable{path, fmt.Sprintf("it is one file under %d names, linked to each other", stat.Nlink)}
	}
	return nil
}

// mayGrowTo checks that this process may write a file of this length. Trying would end the process.
func mayGrowTo(length int64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err == nil && uint64(limit.Cur) < uint64(length) {
		return fmt.Errorf("this process may not make files of more than %d bytes", limit.Cur)
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

// tryLock locks a file for this process; false if another process has the lock. The system releases it
// when the process ends, however it ends.
func tryLock(file *os.File) (bool, error) {
	err := flock(file, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func flock(file *os.File, how int) error {
	for {
		if err := unix.Flock(int(file.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func lockWaiting(file *os.File) error { return flock(file, unix.LOCK_EX) }

// mayOpenFiles checks that this process may open as many more files as telemetry needs at a time. Go's runtime
// ends a program that cannot open a file for its poller when it opens its first one.
func mayOpenFiles() error {
	const needed = 16
	var opened [needed]int
	var err error
	count := 0
	for ; count < needed && err == nil; count++ {
		opened[count], err = unix.Open("/", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		count--
		err = fmt.Errorf("this process may open only %d more files: %w", count, err)
	}
	for _, number := range opened[:count] {
		_ = unix.Close(number)
	}
	return err
}
