//go:build unix

package candor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/telemetry"
	"golang.org/x/telemetry/counter"
)

// golang.org/x/telemetry opens the next week's file by itself (counter.OpenAndRotate) in the folder of Go's
// own programs only. The one way to tell it another folder without opening a file is to start it where
// telemetry is off. So a program that runs for days gets a folder for itself, whose counters are the
// project's and whose mode is not the user's:
//
//	FOLDER/local/.rotating.N/mode      off, and then anything else
//	FOLDER/local/.rotating.N/local     a link to FOLDER/local
//	FOLDER/local/.rotating.N/lock      which the program holds for as long as it runs
//
// Later starts remove those of programs that have ended.

const rotatingPrefix = ".rotating."

// heldWhileRunning is never closed.
var heldWhileRunning *os.File

// openAndRotate counts into a folder, and into the next week's file when a week ends. not says why that is
// not possible; then nothing was opened.
func openAndRotate(f folder) (not error) {
	if os.Getenv(crashMonitorVariable) != "" {
		return errors.New("this process was started by a crash monitor")
	}
	removeEnded(f)
	shim, err := os.MkdirTemp(f.local(), rotatingPrefix+"*")
	if err != nil {
		return err
	}
	mode := filepath.Join(shim, "mode")
	lock, err := makeFile(filepath.Join(shim, "lock"))
	if err == nil {
		_, err = tryLock(lock)
	}
	if err == nil {
		err = os.Symlink("..", filepath.Join(shim, "local"))
	}
	if err == nil {
		err = writeNew(mode, []byte("off"), false)
	}
	if err == nil {
		telemetry.Start(telemetry.Config{TelemetryDir: shim})
		// Any word but off means that it counts; this one shows that it looks here, and nowhere else.
		word := filepath.Base(shim)
		err = replaceUnsynced(mode, temporaryFor(mode), []byte(word))
		if err == nil && telemetry.Mode() != word {
			err = errors.New("golang.org/x/telemetry did not take the folder")
		}
	}
	if err != nil {
		os.RemoveAll(shim)
		lock.Close()
		return fmt.Errorf("weeks do not change: %w", err)
	}
	heldWhileRunning = lock
	counter.OpenAndRotate()
	return nil
}

// removeEnded removes what programs that have ended left behind.
func removeEnded(f folder) {
	names, err := fileNames(f.local())
	if err != nil {
		return
	}
	for _, name := range names {
		if !strings.HasPrefix(name, rotatingPrefix) {
			continue
		}
		shim := filepath.Join(f.local(), name)
		lock, err := openChecked(filepath.Join(shim, "lock"), os.O_RDWR)
		if err != nil {
			// It may have been made just now.
			info, gone := os.Lstat(shim)
			if gone != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Hour {
				continue
			}
		} else {
			ended, _ := tryLock(lock)
			lock.Close()
			if !ended {
				continue
			}
		}
		// The link in it is removed, and not what it leads to.
		os.RemoveAll(shim)
	}
}
