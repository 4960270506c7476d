package candor

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/tlog"
	modzip "golang.org/x/mod/zip"
)

// From a signed checkpoint to a config that the log vouches for. Nothing is used unless all of these
// succeed:
//
//  1. The server's checkpoint is signed by the log, and cosigned by the quorum of witnesses that the policy
//     asks for.
//  2. It is consistent with the newest one seen on this machine: not smaller, and by its tiles it begins
//     with the same entries. From here on this machine remembers it.
//  3. By the times of those witnesses it is not older than the limit. This comes after 2, because a fork
//     must be noticed however old the trees are.
//  4. The version's record is in the tree: version v0.N.0 is entry N-1. The size of the tree says which is
//     the newest: nothing unsigned decides that.
//  5. The record names this module and version, and the downloaded zip has the hash it states.
//
// Server, caches and proxies can withhold an answer, but not change one.

const (
	largestZip = 64 << 20
	// largestFiles is the most that the files of a zip may unpack to.
	largestFiles = 128 << 20
	tileHeight   = 8
)

// errCheck is an answer that failed verification: it was changed on the way, or the log misbehaves.
type errCheck struct{ reason string }

func (e *errCheck) Error() string { return e.reason }

func checkFailed(format string, arguments ...any) error {
	return &errCheck{fmt.Sprintf(format, arguments...)}
}

// errNoSuchVersion says that the log does not have a version, because the project has started another log.
var errNoSuchVersion = errors.New("the log does not have this version")

// A destination is a deployment, as a client sees it.
type destination struct {
	// proxy has the module: https://HOST/goproxy. log is https://HOST/log, upload https://HOST/upload.
	proxy, log, upload address
	module             string
	trust              *policy
	freshFor           time.Duration
}

// fetcher downloads and verifies configs.
type fetcher struct {
	*destination
	network network
	memory  memory
	now     time.Time
}

// verified is a config that the log vouches for.
type verified struct {
	version version
	config  []byte
	view
}

// view is a log's tree, shown by a server and believed.
type view struct {
	tree tlog.Tree
	// log is the key that signed it.
	log     *verifierKey
	freshAt *uint64
}

// newest downloads and verifies the newest config, unless it is still the known version, which this machine
// has verified before; then only the view is new, and config is nil. known is 0 if none is.
func (f *fetcher) newest(known version) (*verified, error) {
	remembers := false
	for _, log := range f.trust.logs {
		seen, err := f.memory.recall(log.key)
		if err != nil {
			return nil, err
		}
		remembers = remembers || seen != nil
	}
	seen, err := f.view()
	if err != nil {
		return nil, err
	}
	newest := version(seen.tree.N)
	if newest < 1 {
		return nil, &errNetwork{fmt.Sprintf("the log at %s has no config yet: nothing has been published", f.log)}
	}
	// If this machine remembers nothing of the log, the known config is verified again.
	if remembers && newest == known {
		return &verified{version: known, view: *seen}, nil
	}
	return f.verify(seen, newest)
}

// version downloads and verifies the config of a version.
func (f *fetcher) version(wanted version) (*verified, error) {
	seen, err := f.view()
	if err != nil {
		return nil, err
	}
	if int64(wanted) > seen.tree.N {
		return nil, errNoSuchVersion
	}
	return f.verify(seen, wanted)
}

// view takes steps 1 to 3.
func (f *fetcher) view() (*view, error) {
	url := f.log.join("checkpoint")
	// Repeated only if another process has remembered something newer meanwhile.
	for range 100 {
		seen := make(map[*verifierKey][]byte)
		for _, log := range f.trust.logs {
			note, err := f.memory.recall(log.key)
			if err != nil {
				return nil, err
			}
			if note != nil {
				seen[log.key] = note
			}
		}
		served, err := f.network.get(url, longestNote)
		if err != nil {
			return nil, err
		}
		believed, err := f.trust.check(served)
		if err != nil {
			return nil, checkFailed("from %s: %v; nothing was used", url, err)
		}
		isRemembered := false
		for key, note := range seen {
			before, err := f.openSeen(key, note)
			if err != nil {
				return nil, err
			}
			if before == believed.tree {
				isRemembered = isRemembered || key == believed.log
			} else if err := f.checkContinues(before, note, believed.tree, served); err != nil {
				return nil, err
			}
		}
		if !isRemembered {
			won, err := f.memory.remember(believed.log, seen[believed.log], served)
			if err != nil {
				return nil, err
			}
			if !won {
				continue
			}
		}
		if err := believed.checkFresh(uint64(max(f.now.Unix(), 0)), uint64(f.freshFor/time.Second)); err != nil {
			var clock *errClock
			if errors.As(err, &clock) {
				return nil, fmt.Errorf("from %s: %w. Nothing was used", url, err)
			}
			return nil, checkFailed("from %s: %v. Nothing was used", url, err)
		}
		return &view{believed.tree, believed.log, believed.freshAt}, nil
	}
	return nil, errors.New("other processes keep changing what this machine has seen of the log")
}

// openSeen opens what this machine remembers. Its cosignatures no longer matter.
func (f *fetcher) openSeen(key *verifierKey, note []byte) (tlog.Tree, error) {
	parsed, err := parseNote(note)
	if err == nil {
		_, err = parsed.verifiedBy([]*verifierKey{key})
	}
	var of checkpoint
	if err == nil {
		of, err = parseCheckpoint(parsed.text)
	}
	if err == nil && of.origin != key.name {
		err = fmt.Errorf("it is of the log %q", of.origin)
	}
	if err != nil {
		return tlog.Tree{}, checkFailed("what this machine has seen of the log (seen/%s) is damaged: %v; delete it only if you want to trust "+
			"whatever history the server shows next", key.nameAndID(), err)
	}
	return of.tree, nil
}

// checkContinues checks that the served tree begins with the one seen before.
func (f *fetcher) checkContinues(old tlog.Tree, oldNote []byte, served tlog.Tree, servedNote []byte) error {
	if served.N < old.N {
		return checkFailed("%s shows a log of %d entries, but this machine has seen one of %d: the server was rolled back, or a cache "+
			"in between is stale; nothing was used. Try again later, and tell the log's operator if that does not help",
			f.log.join("checkpoint"), served.N, old.N)
	}
	if served.N == old.N {
		// Two different signed trees of one size are proof enough.
		return f.forked(twoRoots(f.remarks(), oldNote, servedNote))
	}
	if old.N == 0 {
		return nil
	}
	// Every hash that is read is proved to be the served tree's.
	hashes := tlog.TileHashReader(served, f)
	proof, err := tlog.ProveTree(served.N, old.N, hashes)
	if err != nil {
		return f.unproved(err)
	}
	if tlog.CheckTree(proof, served.N, served.Hash, old.N, old.Hash) == nil {
		return nil
	}
	// A fork must never be claimed without proof: that the served tree begins with another tree.
	prefix, err := tlog.TreeHash(old.N, hashes)
	if err == nil {
		err = tlog.CheckTree(proof, served.N, served.Hash, old.N, prefix)
	}
	if err != nil {
		return f.unproved(err)
	}
	return f.forked(notContained(f.remarks(), oldNote, servedNote, prefix, proof))
}

func (f *fetcher) remarks() []string {
	return []string{
		"The first statement was seen on a user's machine before the second.",
		fmt.Sprintf("The second was served at %s.", f.log),
	}
}

// forked is the error for a fork. Its evidence is kept on this machine.
func (f *fetcher) forked(evidence string) error {
	where := "Show this evidence, which could not be written to a file, to others who use this log, and to its operator:\n" + evidence
	if path, err := f.memory.keepEvidence(f.trust.logs[0].key, evidence); err == nil {
		where = fmt.Sprintf("The evidence is in %s, and `candor verify` confirms it offline on any machine. Show it to others who use "+
			"this log, and to its operator", path)
	}
	return checkFailed("SECURITY ERROR: the log at %s was forked: it has signed two histories that contradict each other. Nothing was used. %s",
		f.log, where)
}

// unproved is the error for tiles that do not lead to the signed root, or could not be had.
func (f *fetcher) unproved(err error) error {
	var offline *errNetwork
	if errors.As(err, &offline) || errors.Is(err, errMissing) {
		return err
	}
	return checkFailed("what %s serves does not belong to the checkpoint it signed: %v; nothing was used", f.log, err)
}

// Height, ReadTiles and SaveTiles make the log on the server a [tlog.TileReader].
func (f *fetcher) Height() int { return tileHeight }

func (f *fetcher) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for i, tile := range tiles {
		// https://c2sp.org/tlog-tiles leaves out the height.
		path := func(tile tlog.Tile) string { return "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/") }
		length := tile.W * tlog.HashSize
		bytes, err := f.network.get(f.log.join(path(tile)), int64(length))
		if errors.Is(err, errMissing) && tile.W < 1<<tileHeight {
			// A log may drop a partial tile once the full one exists.
			tile.W = 1 << tileHeight
			bytes, err = f.network.get(f.log.join(path(tile)), int64(tile.W)*tlog.HashSize)
		}
		if err != nil {
			return nil, err
		}
		if len(bytes) < length {
			return nil, fmt.Errorf("%s has %d bytes where %d are needed", path(tile), len(bytes), length)
		}
		read[i] = bytes[:length]
	}
	return read, nil
}

func (f *fetcher) SaveTiles([]tlog.Tile, [][]byte) {}

// verify takes steps 4 and 5.
func (f *fetcher) verify(seen *view, wanted version) (*verified, error) {
	index := int64(wanted) - 1
	entry, err := f.entry(index, seen.tree.N)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(seen.tree.N, index, tlog.TileHashReader(seen.tree, f))
	if err == nil {
		err = tlog.CheckRecord(proof, seen.tree.N, seen.tree.Hash, index, tlog.RecordHash(entry))
	}
	if err != nil {
		return nil, f.unproved(err)
	}
	zipHash, goModHash, ok := readRecord(string(entry), f.module, wanted)
	if !ok {
		return nil, checkFailed("entry %d of the log is not the record of %s@%s: the log belongs to another module, or is not one that Candor keeps",
			index, f.module, wanted)
	}
	config, err := f.download(wanted, zipHash, goModHash)
	if err != nil {
		return nil, err
	}
	return &verified{wanted, config, *seen}, nil
}

// entry downloads an entry of the tree of this size, unverified.
func (f *fetcher) entry(index, size int64) ([]byte, error) {
	const full = 1 << tileHeight
	bundle := tlog.Tile{H: tileHeight, L: -1, N: index / full, W: int(min(size-index/full*full, full))}
	path := func() string { return "tile/entries/" + strings.TrimPrefix(bundle.Path(), "tile/8/data/") }
	limit := func() int64 { return int64(bundle.W) * (2 + 65_535) }
	data, err := f.network.get(f.log.join(path()), limit())
	if errors.Is(err, errMissing) && bundle.W < full {
		bundle.W = full
		data, err = f.network.get(f.log.join(path()), limit())
	}
	if err != nil {
		return nil, err
	}
	for at := int64(0); ; at++ {
		if len(data) < 2 {
			return nil, checkFailed("from %s: it has too few entries", f.log.join(path()))
		}
		length := int(binary.BigEndian.Uint16(data))
		if data = data[2:]; len(data) < length {
			return nil, checkFailed("from %s: its end is cut off", f.log.join(path()))
		}
		if at == index%full {
			return data[:length], nil
		}
		data = data[length:]
	}
}

// readRecord reads a record of the checksum database, which must be that of this version: two lines of
// go.sum, with the hash of the zip and of go.mod.
func readRecord(text, modulePath string, wanted version) (zipHash, goModHash string, ok bool) {
	lines := strings.Split(text, "\n")
	if len(lines) != 3 || lines[2] != "" {
		return "", "", false
	}
	zipHash, first := strings.CutPrefix(lines[0], fmt.Sprintf("%s %s ", modulePath, wanted))
	goModHash, second := strings.CutPrefix(lines[1], fmt.Sprintf("%s %s/go.mod ", modulePath, wanted))
	return zipHash, goModHash, first && second && isHash1(zipHash) && isHash1(goModHash)
}

func isHash1(text string) bool {
	encoded, ok := strings.CutPrefix(text, "h1:")
	hash, err := decodeBase64(encoded)
	return ok && err == nil && len(hash) == 32
}

// download takes the second half of step 5, and returns config.json.
func (f *fetcher) download(wanted version, zipHash, goModHash string) ([]byte, error) {
	path, err := module.EscapePath(f.module)
	if err != nil {
		return nil, err
	}
	url := f.proxy.join(fmt.Sprintf("%s/@v/%s.zip", path, wanted))
	data, err := f.network.get(url, largestZip)
	if errors.Is(err, errMissing) {
		return nil, &errNetwork{url + " is missing, though the log has its record; ask the proxy's operator"}
	}
	if err != nil {
		return nil, err
	}
	changed := func(logged, found string) error {
		return checkFailed("SECURITY ERROR: %s has the hash %s, but the log says %s: it was changed after it was published, or on the way; "+
			"nothing was used", url, found, logged)
	}
	archive, err := openZip(data)
	if err != nil {
		return nil, checkFailed("from %s: %v", url, err)
	}
	// Compared before any file in the zip is used.
	found, err := archive.hash()
	if err != nil {
		return nil, checkFailed("from %s: %v", url, err)
	}
	if found != zipHash {
		return nil, changed(zipHash, found)
	}
	of := module.Version{Path: f.module, Version: wanted.String()}
	if err := archive.check(of); err != nil {
		return nil, checkFailed("from %s: %v", url, err)
	}
	file := func(name string) ([]byte, error) {
		content, err := archive.read(fmt.Sprintf("%s@%s/%s", of.Path, of.Version, name))
		if err != nil {
			return nil, checkFailed("from %s: %v", url, err)
		}
		return content, nil
	}
	goMod, err := file("go.mod")
	if err != nil {
		return nil, err
	}
	found, err = dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(goMod)), nil
	})
	if err != nil || found != goModHash {
		return nil, changed(goModHash, found)
	}
	return file("config.json")
}

// A moduleZip is a module zip in memory.
type moduleZip struct {
	files []*zip.File
	left  int64
}

func openZip(data []byte) (*moduleZip, error) {
	reader, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("the module zip is damaged: %w", err)
	}
	seen := make(map[string]bool)
	for _, file := range reader.File {
		// Two files of one name could be hashed and used in turn.
		if seen[file.Name] {
			return nil, fmt.Errorf("the module zip has the file %q twice", file.Name)
		}
		seen[file.Name] = true
	}
	return &moduleZip{reader.File, largestFiles}, nil
}

// hash is the zip's h1: hash, as in a record of the checksum database.
func (z *moduleZip) hash() (string, error) {
	var names []string
	for _, file := range z.files {
		names = append(names, file.Name)
	}
	// The files are read once more afterwards.
	defer func() { z.left = largestFiles }()
	return dirhash.Hash1(names, func(name string) (io.ReadCloser, error) {
		content, err := z.read(name)
		return io.NopCloser(bytes.NewReader(content)), err
	})
}

// check checks the names of all files by the rules of golang.org/x/mod/zip.
func (z *moduleZip) check(of module.Version) error {
	if err := module.Check(of.Path, of.Version); err != nil {
		return err
	}
	prefix := of.Path + "@" + of.Version + "/"
	folded := make(map[string]bool)
	for _, file := range z.files {
		name, inside := strings.CutPrefix(file.Name, prefix)
		if !inside {
			return fmt.Errorf("the module zip has the file %q, which is not one of this module and version", file.Name)
		}
		if err := module.CheckFilePath(name); err != nil {
			return err
		}
		if lower := strings.ToLower(name); folded[lower] {
			return fmt.Errorf("the module zip has two files whose names differ only in case: %q", name)
		} else {
			folded[lower] = true
		}
	}
	return nil
}

func (z *moduleZip) read(name string) ([]byte, error) {
	for _, file := range z.files {
		if file.Name != name {
			continue
		}
		limit := z.left
		if strings.HasSuffix(name, "/go.mod") {
			limit = min(limit, modzip.MaxGoMod)
		}
		content, err := file.Open()
		if err != nil {
			return nil, err
		}
		defer content.Close()
		read, err := io.ReadAll(io.LimitReader(content, limit+1))
		if err != nil {
			return nil, fmt.Errorf("%q in the module zip is damaged: %w", name, err)
		}
		if int64(len(read)) > limit {
			return nil, fmt.Errorf("the module zip unpacks to more than %d bytes, the most that is allowed", int64(largestFiles))
		}
		z.left -= int64(len(read))
		return read, nil
	}
	return nil, fmt.Errorf("the module zip has no file %q", name)
}

// What a folder keeps about its destination and config, in the files of Candor's client for Rust.

type destinationJSON struct {
	Module   string
	Proxy    string
	Log      string
	Key      string
	FreshFor *uint64 `json:",omitempty"`
	Upload   string
}

const defaultFreshFor = 7 * 24 * time.Hour

func (d *destination) json() destinationJSON {
	freshFor := uint64(d.freshFor / time.Second)
	return destinationJSON{d.module, string(d.proxy), string(d.log), d.trust.String(), &freshFor, string(d.upload)}
}

func (written destinationJSON) destination() (*destination, error) {
	read := &destination{module: written.Module, freshFor: defaultFreshFor}
	var err error
	for _, field := range []struct {
		text string
		to   *address
	}{{written.Proxy, &read.proxy}, {written.Log, &read.log}, {written.Upload, &read.upload}} {
		if *field.to, err = parseAddress(field.text); err != nil {
			return nil, err
		}
	}
	if err := module.CheckPath(written.Module); err != nil {
		return nil, err
	}
	if read.trust, err = parseTrust(written.Key); err != nil {
		return nil, err
	}
	if written.FreshFor != nil {
		const most = 100 * 365 * 24 * hour
		read.freshFor = time.Duration(min(*written.FreshFor, most)) * time.Second
	}
	return read, nil
}
