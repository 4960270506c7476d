//go:build unix

package candor

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// isTerminal says whether a file is a terminal: nothing else has a size in lines and columns.
func isTerminal(file *os.File) bool {
	_, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	return err == nil
}

// identityOf is what tells a folder from another one that has the same path on another machine.
func identityOf(path string) string {
	var stat unix.Stat_t
	if unix.Stat(path, &stat) != nil {
		return ""
	}
	return fmt.Sprint(stat.Ino, createdAt(path))
}
