package candor

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The config that a machine knows, and how it gets newer ones. The last verified one is kept in
// candor/config.json, and the last failure in candor/failure.json.
//
// After a failure nothing is fetched again on the same day, unless a user asks for it. After a failed check
// (the log was forked or rolled back, or something was changed on the way) nothing at all is sent until a
// check succeeds. After a failure of the network only what needs a config waits.

const longestConfigFile = 128 << 20

// knownConfig is a config that was verified on this machine.
type knownConfig struct {
	version version
	// fetched is the day on which it was.
	fetched day
	config  *allowed
}

type configJSON struct {
	Module  string
	Key     string
	Version string
	Fetched string
	FreshAt *uint64 `json:"FreshAt"`
	Config  string
}

type failureJSON struct {
	Day    string
	Reason string
	Check  bool
}

// errFetch says why there is no config today.
type errFetch struct {
	reason string
	check  bool
}

func (e *errFetch) Error() string { return e.reason }

// readKnown is the last verified config, if a key that is still trusted vouched for it; nil also if it
// cannot be read.
func readKnown(f folder, to *destination) *knownConfig {
	var written configJSON
	text, err := readFile(f.ownFile("config.json"), longestConfigFile)
	if err != nil || json.Unmarshal(text, &written) != nil || written.Module != to.module {
		return nil
	}
	trusted := false
	for _, log := range to.trust.logs {
		trusted = trusted || log.key.String() == written.Key
	}
	version, badVersion := parseVersion(written.Version)
	fetched, badDay := parseDay(written.Fetched)
	config, badConfig := parseConfig([]byte(written.Config))
	if !trusted || errors.Join(badVersion, badDay, badConfig) != nil {
		return nil
	}
	return &knownConfig{version, fetched, config}
}

// readFailure is the last failure, if nothing was fetched since.
func readFailure(f folder) *failureJSON {
	failure := new(failureJSON)
	text, err := readFile(f.ownFile("failure.json"), longestConfigFile)
	if err != nil || json.Unmarshal(text, failure) != nil {
		return nil
	}
	return failure
}

func checkHasFailed(f folder) bool {
	failure := readFailure(f)
	return failure != nil && failure.Check
}

// known is the last verified config, unless a check has failed since.
func (r *run) known(to *destination) *knownConfig {
	if checkHasFailed(r.folder) {
		return nil
	}
	return readKnown(r.folder, to)
}

// fetchNewest gets the newest config, which is then the known one. The error is *errFetch if there is none,
// or that of the file system.
func (r *run) fetchNewest(to *destination, known *knownConfig) (*knownConfig, error) {
	from := version(0)
	if known != nil {
		from = known.version
	}
	fetched, err := r.fetch(to, func(f *fetcher) (*verified, error) { return f.newest(from) })
	if err != nil {
		return nil, err
	}
	text := fetched.config
	newest := &knownConfig{version: fetched.version, fetched: r.today}
	if text == nil {
		// It is still the known one, whose text is in the file.
		var written configJSON
		old, err := readFile(r.folder.ownFile("config.json"), longestConfigFile)
		if err != nil || json.Unmarshal(old, &written) != nil {
			return nil, &errFetch{reason: "the known config cannot be read"}
		}
		text, newest.config = []byte(written.Config), known.config
	} else if newest.config, err = parseConfig(text); err != nil {
		// The log vouches for it, but this program cannot read it. A newer program may.
		return nil, r.rememberFailure(&errFetch{reason: fmt.Sprintf("the config %s cannot be understood: %v", fetched.version, err)})
	}
	written := configJSON{
		to.module, fetched.log.String(), newest.version.String(), r.today.String(), fetched.freshAt, string(text),
	}
	if err := r.writeCache("config.json", written); err != nil {
		return nil, err
	}
	return newest, remove(r.folder.ownFile("failure.json"))
}

// fetchVersion gets the config of this version, under which an X was drawn; nil if it no longer exists.
func (r *run) fetchVersion(to *destination, wanted version) (*knownConfig, error) {
	if known := r.known(to); known != nil && known.version == wanted {
		return known, nil
	}
	fetched, err := r.fetch(to, func(f *fetcher) (*verified, error) { return f.version(wanted) })
	if errors.Is(err, errNoSuchVersion) {
		return nil, remove(r.folder.ownFile("failure.json"))
	}
	if err != nil {
		return nil, err
	}
	config, err := parseConfig(fetched.config)
	if err != nil {
		return nil, r.rememberFailure(&errFetch{reason: fmt.Sprintf("the config %s cannot be understood: %v", wanted, err)})
	}
	return &knownConfig{wanted, r.today, config}, remove(r.folder.ownFile("failure.json"))
}

func (r *run) fetch(to *destination, fetch func(*fetcher) (*verified, error)) (*verified, error) {
	if failure := readFailure(r.folder); failure != nil && failure.Day == r.today.String() && (!r.askedByUser || r.noConfig) {
		return nil, &errFetch{failure.Reason, failure.Check}
	}
	fetched, err := fetch(&fetcher{to, r.network, memory{r.folder.own()}, r.now})
	if err == nil || errors.Is(err, errNoSuchVersion) {
		return fetched, err
	}
	var check *errCheck
	return nil, r.rememberFailure(&errFetch{err.Error(), errors.As(err, &check)})
}

// rememberFailure keeps a failure, and returns it.
func (r *run) rememberFailure(failure *errFetch) error {
	// A later failure of the network must not hide a failed check.
	written := failureJSON{r.today.String(), failure.reason, failure.check || checkHasFailed(r.folder)}
	text, err := json.MarshalIndent(written, "", "  ")
	if err == nil {
		err = replace(r.folder.ownFile("failure.json"), r.temporary(), text)
	}
	if err != nil {
		return err
	}
	return failure
}

func (r *run) writeCache(name string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	return replaceUnsynced(r.folder.ownFile(name), r.temporary(), text)
}

const (
	// A config that was fetched this many days ago is renewed if possible.
	renewedAfter = 1
	// A config that was fetched this many days ago is no longer used.
	uselessAfter = 28
)

// chooseConfig chooses the config by which weeks without an X are sampled today, before any X could
// influence the choice:
//
//	the known config
//	none, or a check has failed since     one is fetched; until that succeeds, no X is drawn
//	fetched today                         is used
//	fetched within 28 days                the newest is fetched; without a network the known one is used
//	fetched earlier                       the newest is fetched; until that succeeds, no X is drawn
func chooseConfig(known *knownConfig, today day, renew func(*knownConfig) (*knownConfig, error)) (*knownConfig, error) {
	if known == nil {
		return renew(nil)
	}
	age := today - known.fetched
	switch {
	case age < 0 || age >= uselessAfter:
		// The clock was set back, or it is too old.
		return renew(known)
	case age < renewedAfter || known.config.sampleRate <= 0:
		return known, nil
	}
	newest, err := renew(known)
	var failure *errFetch
	if errors.As(err, &failure) && !failure.check {
		return known, nil
	}
	return newest, err
}
