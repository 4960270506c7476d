package candor

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// One run makes reports of the weeks that have ended, and sends those that may be sent. The life of a week:
//
//  1. Its counter files end: the clock has passed the day that they name by some minutes.
//  2. If the week may be sent, DATE.pending is written.
//  3. All its counts are written to local.DATE.json, and the counter files are removed.
//  4. If the week is pending, a verified config is chosen to sample it by.
//  5. X is drawn, and kept in local.DATE.json with the config's version. It is never drawn again.
//  6. The local report is filtered by that config.
//  7. The result, if there is any, becomes DATE.json, and DATE.pending is removed.
//  8. DATE.json is sent.
//  9. It is moved to the folder upload.
//
// Every step leaves one file, whole and durable, before the next begins; the next run continues from there,
// whoever was killed when, and whether it is this module or Candor's client for Rust. One process at a time
// holds the lock; the others return at once.

const (
	longestReport = 4 << 20
	longestMark   = 1024
	// oldest: weeks that ended more than this many days ago are not sent.
	oldest = 21
)

type run struct {
	folder  folder
	to      *destination
	network network
	now     time.Time
	today   day
	// askedByUser: a user waits. If not, what failed over the network today is not tried again today.
	askedByUser bool
	consent     func() Consent
	draw        func() (float64, error)

	// noConfig: fetching a config has failed. It is not tried again in this run.
	noConfig bool
	// events is what happened, in order.
	events []string
	// sent is how many reports were sent, waits how many could not be.
	sent, waits int
	busy        bool
}

// drawX draws one of 2^53 numbers, all equally likely, greater than 0 and at most 1.
func drawX() (float64, error) {
	var bits [8]byte
	if _, err := rand.Read(bits[:]); err != nil {
		return 0, fmt.Errorf("the system gave no randomness for sampling: %w; nothing was reported", err)
	}
	return xOf(binary.NativeEndian.Uint64(bits[:])), nil
}

func xOf(bits uint64) float64 { return float64(bits>>11+1) / (1 << 53) }

func (r *run) record(week day, format string, arguments ...any) {
	r.events = append(r.events, week.String()+": "+fmt.Sprintf(format, arguments...))
}

func (r *run) temporary() string { return r.folder.ownFile("tmp") }

// do does it all. The error is one of the file system; a problem with a single week is an event.
func (r *run) do() error {
	r.today = dayOf(r.now)
	consent := r.consent()
	if consent.Mode == Off {
		return nil
	}
	files, err := readListing(r.folder)
	if err != nil || len(files.counterFiles)+len(files.pending)+len(files.ready) == 0 {
		return err
	}
	unlock, err := r.lock()
	if err != nil || r.busy {
		return err
	}
	defer unlock()
	if err := r.makeLocalReports(consent); err != nil {
		return err
	}
	if consent.Mode != On || r.to == nil {
		return nil
	}
	if err := r.bind(); err != nil {
		return err
	}
	if err := r.decide(consent); err != nil {
		return err
	}
	return r.send()
}

func (r *run) lock() (unlock func(), err error) {
	for _, part := range []string{string(r.folder), r.folder.local(), r.folder.upload(), r.folder.own()} {
		if err := createFolder(part); err != nil {
			return nil, err
		}
	}
	if err := createFolderDurably(r.folder.own()); err != nil {
		return nil, err
	}
	if err := checkTree(r.folder.own()); err != nil {
		return nil, err
	}
	file, err := openShared(r.folder.ownFile("lock"))
	if err != nil {
		return nil, err
	}
	won, err := tryLock(file)
	if !won {
		file.Close()
		r.busy = err == nil
		return nil, err
	}
	return func() { file.Close() }, nil
}

// bind makes the folder's reports go to this destination, unless they go to another project: each would
// make reports of the other's counts, by its own config, and delete them.
func (r *run) bind() error {
	path := r.folder.ownFile("destination.json")
	var bound destinationJSON
	text, err := readFile(path, longestReport)
	if err == nil && json.Unmarshal(text, &bound) == nil {
		// A damaged file binds to nothing, and is replaced.
		if before, err := bound.destination(); err == nil {
			if before.module != r.to.module {
				return fmt.Errorf("the reports of %s go to %s, not to %s: two projects must not share a folder, because each would take "+
					"the other's counts. Name another folder, or delete %s if the project has moved", r.folder, before.module, r.to.module, r.folder.own())
			}
			if before.text() == r.to.text() {
				return nil
			}
		}
	}
	return replace(path, r.temporary(), []byte(r.to.text()))
}

func (d *destination) text() string {
	text, err := json.MarshalIndent(d.json(), "", "  ")
	if err != nil {
		return ""
	}
	return string(text)
}

// makeLocalReports takes steps 1 to 3.
func (r *run) makeLocalReports(consent Consent) error {
	files, err := readListing(r.folder)
	if err != nil {
		return err
	}
	ended, _, broken := readWeeks(files.counterFiles, r.now)
	for _, file := range broken {
		r.events = append(r.events, fmt.Sprintf("%s: skipped: %s", file.path, file.reason))
	}
	for _, week := range ended {
		if !files.local[week.end] && len(week.programs) > 0 {
			if err := r.makeLocalReport(week, files, consent); err != nil {
				return err
			}
		}
		// The report is durable. If it existed before, a run ended right here, or the files turned up after
		// their week was reported.
		for _, file := range week.files {
			if err := remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) makeLocalReport(week week, files *listing, consent Consent) error {
	local := &report{week.end.String(), files.lastSentBefore(week.end), 0, week.programs, noConfig}
	// Only Go's own uploader makes the report to be sent before the local one.
	made := r.readMade(week.end, files)
	if made != nil && made.isDrawn() {
		local.X, local.Config = made.X, made.Config
	}
	hold, _ := holds(consent, &week.begin, week.end, r.today)
	if hold == "" && made == nil {
		if err := replace(r.folder.pending(week.end), r.temporary(), []byte("began "+week.begin.String()+"\n")); err != nil {
			return err
		}
	}
	text, err := local.json()
	if err != nil {
		return err
	}
	if _, err := createDurably(r.folder.localReport(week.end), r.temporary(), text); err != nil {
		return err
	}
	if hold != "" {
		r.record(week.end, "counted, and not sent: %s", hold)
	} else {
		r.record(week.end, "counted")
	}
	return nil
}

func (r *run) readMade(week day, files *listing) *report {
	path := r.folder.ready(week)
	if !files.ready[week] {
		path = r.folder.sent(week)
		if !files.sent[week] {
			return nil
		}
	}
	made, err := readReport(path)
	if err != nil {
		return nil
	}
	return made
}

func readReport(path string) (*report, error) {
	text, err := readFile(path, longestReport)
	if err != nil {
		return nil, err
	}
	read, err := parseReport(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return read, nil
}

// holds says why a week may not be sent, whatever is in it, and whether it still may be if the user changes
// the mode; empty if it may be sent. begin is nil for a report that is already made: then the end of its
// week decides.
func holds(consent Consent, begin *day, end, today day) (reason string, temporary bool) {
	if consent.Mode != On {
		return fmt.Sprintf("the mode is %s", consent.Mode), true
	}
	if !consent.hasSince {
		return "the mode file does not say when on was chosen; choose it again", true
	}
	began := end
	if begin != nil {
		began = *begin
	}
	if began <= consent.since {
		return fmt.Sprintf("it began on %s, and only weeks that began after %s, the day of opting in, are sent", began, consent.since), false
	}
	if today-end > oldest {
		return fmt.Sprintf("it ended on %s, and nothing older than %d days is sent", end, oldest), false
	}
	return "", false
}

// readBegin is when a pending week began. If that cannot be read, it began before any day of opting in.
func readBegin(f folder, week day) day {
	text, err := readText(f.pending(week), longestMark)
	if err != nil {
		return 0
	}
	date, _ := strings.CutPrefix(strings.TrimSpace(text), "began ")
	begin, err := parseDay(date)
	if err != nil {
		return 0
	}
	return begin
}

// decide takes steps 4 to 7: it decides for each pending week what is sent.
func (r *run) decide(consent Consent) error {
	undecided, err := r.undecided(consent)
	if err != nil {
		return err
	}
	var undrawn []*report
	// Those with an X come first, because a newer config would replace the known one.
	for _, local := range undecided {
		if !local.isDrawn() {
			undrawn = append(undrawn, local)
		} else if err := r.decideDrawn(local); err != nil {
			return err
		}
	}
	if len(undrawn) == 0 {
		return nil
	}
	known, err := chooseConfig(r.known(r.to), r.today, func(known *knownConfig) (*knownConfig, error) {
		return r.fetchNewest(r.to, known)
	})
	if failure := asFetchFailure(err); failure != nil {
		for _, local := range undrawn {
			r.recordWait(local, failure)
		}
		return nil
	}
	if err != nil {
		return err
	}
	for _, local := range undrawn {
		if local.X, err = r.draw(); err != nil {
			return err
		}
		local.Config = known.version.String()
		week, err := local.week()
		if err != nil {
			return err
		}
		text, err := local.json()
		if err != nil {
			return err
		}
		if err := replace(r.folder.localReport(week), r.temporary(), text); err != nil {
			return err
		}
		if err := r.decideOne(local, known.config); err != nil {
			return err
		}
	}
	return nil
}

func asFetchFailure(err error) *errFetch {
	var failure *errFetch
	if errors.As(err, &failure) {
		return failure
	}
	return nil
}

func (r *run) recordWait(local *report, failure *errFetch) {
	r.noConfig = true
	r.waits++
	r.events = append(r.events, local.Week+": waits: "+failure.reason)
}

// undecided are the pending weeks that may be sent. Those that never may be are no longer pending.
func (r *run) undecided(consent Consent) ([]*report, error) {
	files, err := readListing(r.folder)
	if err != nil {
		return nil, err
	}
	var undecided []*report
	for _, week := range sortedDays(files.pending) {
		begin := readBegin(r.folder, week)
		hold, temporary := holds(consent, &begin, week, r.today)
		local, err := readReport(r.folder.localReport(week))
		switch {
		case files.ready[week] || files.sent[week] || files.refused[week]: // A run ended in the middle of step 7.
		case temporary:
			continue
		case err == nil && local.Week == week.String() && hold == "":
			undecided = append(undecided, local)
			continue
		case hold != "":
			r.record(week, "not sent: %s", hold)
		case err != nil:
			r.record(week, "cannot be sent: %v", err)
		default:
			r.record(week, "cannot be sent: its report is of another week")
		}
		if err := remove(r.folder.pending(week)); err != nil {
			return nil, err
		}
	}
	return undecided, nil
}

// decideDrawn decides about a week whose X was drawn by an earlier run, by the config of that run.
func (r *run) decideDrawn(local *report) error {
	week, err := local.week()
	if err != nil {
		return err
	}
	drawnUnder, err := parseVersion(local.Config)
	if err != nil {
		return err
	}
	known, err := r.fetchVersion(r.to, drawnUnder)
	if failure := asFetchFailure(err); failure != nil {
		r.recordWait(local, failure)
		return nil
	}
	if err != nil {
		return err
	}
	if known == nil {
		r.record(week, "not sent: the log no longer has the config %s", drawnUnder)
		return remove(r.folder.pending(week))
	}
	return r.decideOne(local, known.config)
}

func (r *run) decideOne(local *report, config *allowed) error {
	week, err := local.week()
	if err != nil {
		return err
	}
	files, err := readListing(r.folder)
	if err != nil {
		return err
	}
	filtered, left := filter(local, local.X, config, local.Config, files.lastSentBefore(week))
	if filtered == nil {
		reason := nothingAsked
		if len(left) > 0 && left[0].notSampled {
			reason = left[0].reason
		}
		r.record(week, "not sent: %s", reason)
		return remove(r.folder.pending(week))
	}
	text, err := filtered.json()
	if err != nil {
		return err
	}
	if _, err := createDurably(r.folder.ready(week), r.temporary(), text); err != nil {
		return err
	}
	if len(left) > 0 {
		r.record(week, "ready to be sent, without %d that the config does not allow", len(left))
	} else {
		r.record(week, "ready to be sent")
	}
	return remove(r.folder.pending(week))
}

// send takes steps 8 and 9: it sends the reports that are ready, the oldest first.
func (r *run) send() error {
	files, err := readListing(r.folder)
	if err != nil || len(files.ready) == 0 {
		return err
	}
	weeks := sortedDays(files.ready)
	// After a failed check, reports that were ready before wait as well.
	if checkHasFailed(r.folder) {
		_, err := r.fetchNewest(r.to, nil)
		if failure := asFetchFailure(err); failure != nil {
			for _, week := range weeks {
				r.waits++
				r.record(week, "waits: %s", failure.reason)
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
	unsent := r.folder.ownFile("unsent")
	if last, err := readText(unsent, longestMark); err == nil && last == r.today.String() && !r.askedByUser {
		for _, week := range weeks {
			r.waits++
			r.record(week, "waits: no report could be sent today; it is tried again tomorrow")
		}
		return nil
	}
	for _, week := range weeks {
		ready := r.folder.ready(week)
		if files.sent[week] {
			// Go's own uploader has sent it, and ended before it removed this file.
			if err := remove(ready); err != nil {
				return err
			}
			continue
		}
		// Read again for each: the user may have changed their mind meanwhile.
		if hold, temporary := holds(r.consent(), nil, week, r.today); hold != "" {
			r.record(week, "not sent: %s", hold)
			if !temporary {
				if err := remove(ready); err != nil {
					return err
				}
			}
			continue
		}
		if week > r.today {
			r.waits++
			r.record(week, "waits: its week has not ended: the clock was set back")
			continue
		}
		text, err := readFile(ready, longestReport)
		if err != nil {
			return err
		}
		got, err := r.network.post(r.to.upload.join(week.String()), text)
		if err != nil {
			got = answer{retryReport, err.Error()}
		}
		switch got.kind {
		case acceptedReport:
			if err := os.Rename(ready, r.folder.sent(week)); err != nil {
				return err
			}
			r.sent++
			r.record(week, "sent")
		case refusedReport:
			if err := os.Rename(ready, r.folder.refused(week)); err != nil {
				return err
			}
			r.record(week, "refused by the server: %s", got.text)
		default:
			// The server cannot be reached or is busy: the others would fail as well.
			r.waits++
			r.record(week, "waits: %s", got.text)
			return replaceUnsynced(unsent, r.temporary(), []byte(r.today.String()))
		}
	}
	return nil
}

// A listing has the files of reporting in a folder. Reading it creates nothing.
type listing struct {
	counterFiles                         []string
	local, pending, ready, refused, sent map[day]bool
}

func readListing(f folder) (*listing, error) {
	files := &listing{nil, map[day]bool{}, map[day]bool{}, map[day]bool{}, map[day]bool{}, map[day]bool{}}
	local, err := fileNames(f.local())
	if err != nil {
		return nil, err
	}
	for _, name := range local {
		if strings.HasSuffix(name, counterSuffix) {
			files.counterFiles = append(files.counterFiles, f.local()+string(os.PathSeparator)+name)
			continue
		}
		for _, kind := range []struct {
			prefix, suffix string
			days           map[day]bool
		}{{"local.", ".json", files.local}, {"", ".pending", files.pending}, {"", ".json", files.ready}, {"", ".json.refused", files.refused}} {
			if date, ok := strings.CutPrefix(name, kind.prefix); ok {
				if date, ok = strings.CutSuffix(date, kind.suffix); ok {
					if week, err := parseDay(date); err == nil {
						kind.days[week] = true
						break
					}
				}
			}
		}
	}
	sent, err := fileNames(f.upload())
	if err != nil {
		return nil, err
	}
	for _, name := range sent {
		if date, ok := strings.CutSuffix(name, ".json"); ok {
			if week, err := parseDay(date); err == nil {
				files.sent[week] = true
			}
		}
	}
	return files, nil
}

func fileNames(folder string) ([]string, error) {
	err := checkFolder(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}

// lastSentBefore is the last week before this one whose report was sent; empty if there is none.
func (l *listing) lastSentBefore(week day) string {
	last := day(-1)
	for sent := range l.sent {
		if sent < week {
			last = max(last, sent)
		}
	}
	if last < 0 {
		return ""
	}
	return last.String()
}

func sortedDays(days map[day]bool) []day {
	var sorted []day
	for day := range days {
		sorted = append(sorted, day)
	}
	slices.Sort(sorted)
	return sorted
}
