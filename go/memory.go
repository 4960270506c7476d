package candor

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The memory of a machine: the newest checkpoint seen of each key of the log, as it was received, and
// evidence against the log. A later checkpoint must be consistent with it. The files and their lock are
// those of Candor's client for Rust.
//
//	FOLDER/candor/seen/NAME+ID                                    the newest note signed with this key
//	FOLDER/candor/evidence/NAME+ID-HASH.candor-evidence           evidence of a fork
type memory struct{ root string }

// isObjectName says whether a name is safe as that of a file, on any system.
func isObjectName(name string) bool {
	good := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(".-_=+", r)
	}
	for _, element := range strings.Split(name, "/") {
		if element == "" || element[0] == '.' || strings.IndexFunc(element, func(r rune) bool { return !good(r) }) >= 0 {
			return false
		}
	}
	return len(name) <= 512
}

func (m memory) seenFile(key *verifierKey) (string, error) {
	name := "seen/" + key.nameAndID()
	if !isObjectName(name) {
		return "", fmt.Errorf("the name of the log's key, %q, cannot be the name of a file", key.name)
	}
	return filepath.Join(m.root, filepath.FromSlash(name)), nil
}

// recall returns the newest note seen that this key signed; nil if there is none.
func (m memory) recall(key *verifierKey) ([]byte, error) {
	path, err := m.seenFile(key)
	if err != nil {
		return nil, err
	}
	seen, err := readFile(path, longestNote)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return seen, err
}

// remember replaces the note that recall returned by a newer one; false if another process has been faster.
func (m memory) remember(key *verifierKey, seen, newer []byte) (won bool, err error) {
	path, err := m.seenFile(key)
	if err != nil {
		return false, err
	}
	err = m.locked(func() error {
		now, err := m.recall(key)
		if err != nil {
			return err
		}
		if (now == nil) != (seen == nil) || !bytes.Equal(now, seen) {
			return nil
		}
		won = true
		return m.put(path, newer)
	})
	return won && err == nil, err
}

// keepEvidence keeps evidence against the log, and returns where it is.
func (m memory) keepEvidence(key *verifierKey, evidence string) (string, error) {
	hash := sha256.Sum256([]byte(evidence))
	name := fmt.Sprintf("evidence/%s-%x.candor-evidence", key.nameAndID(), hash[:8])
	if !isObjectName(name) {
		return "", fmt.Errorf("%q cannot be the name of a file", name)
	}
	path := filepath.Join(m.root, filepath.FromSlash(name))
	return path, m.locked(func() error { return m.put(path, []byte(evidence)) })
}

func (m memory) locked(do func() error) error {
	if err := createFolder(m.root); err != nil {
		return err
	}
	lock, err := openShared(filepath.Join(m.root, ".lock"))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := lockWaiting(lock); err != nil {
		return err
	}
	return do()
}

// put writes a file durably, and the names of its folders. The caller holds the lock.
func (m memory) put(path string, content []byte) error {
	temporary := filepath.Join(m.root, ".tmp")
	if err := createFolder(temporary); err != nil {
		return err
	}
	for folder := filepath.Dir(path); ; folder = filepath.Dir(folder) {
		if err := createFolder(filepath.Dir(path)); err != nil {
			return err
		}
		if err := syncFolder(filepath.Dir(folder)); err != nil && !errors.Is(err, os.ErrPermission) {
			return err
		}
		if folder == m.root || len(folder) <= len(m.root) {
			break
		}
	}
	return replace(path, filepath.Join(temporary, "0"), content)
}
