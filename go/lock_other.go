//go:build !unix && !windows

package candor

import (
	"errors"
	"os"
)

// Without locks two processes could make two reports of one week, so none is made.
var errNoLocks = errors.New("this system has no file locks")

func tryLock(*os.File) (bool, error) { return false, errNoLocks }

func lockWaiting(*os.File) error { return errNoLocks }
