package candor

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"unicode/utf8"
)

// A folder in a user's home may hold anything: a pipe that nobody writes to, a link to /dev/zero, another
// user's file. So every file in it is opened here, and is
//
//   - checked before it is opened, and again once it is: it must be a regular file of this user. Links are
//     not followed;
//   - read up to a limit that the caller sets;
//   - created for this user only, whatever the umask;
//   - written only if the process may write files of that size: beyond RLIMIT_FSIZE the system would end
//     the program;
//   - never overwritten in place: new content goes to a new file, which is then renamed.
//
// Folders above the telemetry folder are up to the user, and may be links.

// errUnusable says why something cannot be used as a file or folder of this user. Trying again does not
// help: a person must remove it.
type errUnusable struct {
	path, reason string
}

func (e *errUnusable) Error() string { return e.path + ": " + e.reason }

func isUnusable(err error) bool {
	var unusable *errUnusable
	return errors.As(err, &unusable)
}

var errTooLarge = errors.New("the file is larger than expected")

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode.IsDir():
		return "a folder"
	case mode.IsRegular():
		return "a file"
	}
	return "something else"
}

func checkFile(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return &errUnusable{path, fmt.Sprintf("it is %s, not a file", kindOf(info.Mode()))}
	}
	return checkOwner(path, info)
}

// checkFolder checks that this is a folder of this user, not a link to one.
func checkFolder(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return &errUnusable{path, fmt.Sprintf("it is %s, not a folder", kindOf(info.Mode()))}
	}
	return checkOwner(path, info)
}

// checkTree checks that a folder and those below it have only regular files of this user.
func checkTree(folder string) error {
	if err := checkFolder(folder); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // A temporary file that another process has removed.
		case err != nil:
			return err
		case info.IsDir():
			if err := checkTree(path); err != nil {
				return err
			}
		default:
			if err := checkFile(path, info); err != nil {
				return err
			}
		}
	}
	return nil
}

// createFolder creates a folder for this user only, and its parents if they are missing. An existing one
// must be a folder of this user.
func createFolder(path string) error {
	err := checkFolder(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return checkFolder(path)
}

// createFolderDurably is createFolder, and syncs the names of the folder and of the one above it.
func createFolderDurably(path string) error {
	if err := createFolder(path); err != nil {
		return err
	}
	for _, folder := range []string{filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		if err := syncFolder(folder); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

func openChecked(path string, flag int) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if err := checkFile(path, info); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, flag|safeFlags, 0)
	if err != nil {
		return nil, err
	}
	if info, err = file.Stat(); err == nil {
		err = checkFile(path, info)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	file, err := openChecked(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	bytes, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(bytes)) > limit {
		err = fmt.Errorf("%s: %w: it has more than %d bytes", path, errTooLarge, limit)
	}
	if err != nil {
		return nil, err
	}
	return bytes, nil
}

func readText(path string, limit int64) (string, error) {
	bytes, err := readFile(path, limit)
	if err == nil && !utf8.Valid(bytes) {
		err = fmt.Errorf("%s: it is not UTF-8", path)
	}
	return string(bytes), err
}

// makeFile creates a file, whose name must be free.
func makeFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|safeFlags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Chmod(0o600); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// openShared opens a file to lock it; creates it if it is missing.
func openShared(path string) (*os.File, error) {
	file, err := openChecked(path, os.O_RDWR)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	file, err = makeFile(path)
	if errors.Is(err, fs.ErrExist) {
		return openChecked(path, os.O_RDWR)
	}
	return file, err
}

func writeNew(path string, content []byte, sync bool) error {
	if err := mayGrowTo(int64(len(content))); err != nil {
		return err
	}
	file, err := makeFile(path)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil && sync {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}

// remove removes a file, if it exists.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// replace writes a file durably, replacing any other of that name. Nobody else may use the temporary name.
func replace(path, temporary string, content []byte) error {
	if err := replaceWith(path, temporary, content, true); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// replaceUnsynced is replace without waiting for the disk: after a power cut there may be the old file,
// none, or one that cannot be read.
func replaceUnsynced(path, temporary string, content []byte) error {
	return replaceWith(path, temporary, content, false)
}

func replaceWith(path, temporary string, content []byte, sync bool) error {
	// A killed process may have left it.
	if err := remove(temporary); err != nil {
		return err
	}
	if err := writeNew(temporary, content, sync); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		os.Remove(temporary)
		return err
	}
	return nil
}

// createDurably creates a file; false if there is one of that name, which is left unchanged.
func createDurably(path, temporary string, content []byte) (bool, error) {
	if err := remove(temporary); err != nil {
		return false, err
	}
	if err := writeNew(temporary, content, true); err != nil {
		return false, err
	}
	err := os.Link(temporary, path)
	if removed := os.Remove(temporary); err == nil {
		err = removed
	}
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, syncFolder(filepath.Dir(path))
}

// temporaryFor is a name that no other process uses.
func temporaryFor(path string) string { return path + "." + strconv.Itoa(os.Getpid()) }
