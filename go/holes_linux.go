package candor

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// fillHoles makes sure that the disk has room for this much of a file. Without it, writing to the mapped
// file on a full disk ends the program.
func fillHoles(file *os.File, length int64) error {
	for {
		err := unix.Fallocate(int(file.Fd()), 0, 0, length)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			// A new file was written whole; more is not possible on this file system.
			return nil
		default:
			return err
		}
	}
}
