package candor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A week in a minute, for the program's author: what was counted becomes the report of a week that ended
// yesterday, by the steps and the code of a real one, in a folder that is removed at the end. Nothing is sent:
// the deployment could not tell rehearsed counts from real ones.

// errNothingPasses is what a rehearsal fails with.
var errNothingPasses = errors.New("no count of it would be sent; what to change is listed above")

// heldNetwork lets no report through.
type heldNetwork struct{ network }

func (heldNetwork) post(string, []byte) (answer, error) { return answer{kind: acceptedReport}, nil }

// rehearse tells what would become of a week.
func (project Project) rehearse(f folder, out io.Writer) error {
	return project.rehearseOver(f, web{}, out)
}

func (project Project) rehearseOver(f folder, network network, out io.Writer) error {
	to, err := project.destination()
	if err != nil {
		return err
	}
	if to == nil {
		return errors.New("this program sends nothing, so there is nothing to rehearse")
	}
	now := project.now()
	today := dayOf(now)
	counted, weekday, err := countedUntilNow(f, now)
	if err != nil {
		return err
	}
	if len(counted) == 0 {
		return fmt.Errorf("nothing was counted in %s yet, so there is nothing to rehearse: choose `%s local`, use the program, and rehearse again",
			f, project.command())
	}
	temporary, remove, err := temporaryFolder(os.TempDir())
	if err != nil {
		return err
	}
	defer remove()
	again, end := folder(filepath.Join(temporary, "telemetry")), today-1
	begin := end - 7
	if err := storeMode(again, On, begin-1); err != nil {
		return err
	}
	fmt.Fprintf(out, "1. Counted: what is in %s now, as the week that began on %s and ended on %s.\n", shown(string(f)), begin, end)
	for _, program := range counted {
		fmt.Fprintf(out, "   %s\n", shown(buildLine(program.build())))
		for _, counts := range []map[string]int64{program.Counters, program.Stacks} {
			for _, name := range sortedNames(counts) {
				fmt.Fprintf(out, "   %9d  %s\n", counts[name], shown(strings.ReplaceAll(name, "\n", "\n              ")))
			}
		}
	}
	fmt.Fprintf(out, "   In earnest, it is a week that ends on a %s: this machine's weeks do.\n", weekday)

	run := &run{
		folder: again, to: to, network: heldNetwork{network}, now: now, today: today, askedByUser: true,
		consent: func() Consent { return chosenConsent(again) },
		draw:    func() (float64, error) { return xOf(0), nil },
	}
	if err := run.rehearse(week{begin: begin, end: end, programs: counted}); err != nil {
		return err
	}
	known := readKnown(again, to)
	local, err := readReport(again.localReport(end))
	if known == nil || err != nil {
		return errors.New("no report was made of it: " + strings.Join(run.events, "; "))
	}
	fmt.Fprintf(out, "2. The config %s of %s was fetched, and is in its log.\n", known.version, to.module)
	filtered, left := filter(local, xOf(0), known.config, known.version.String(), "")
	passed, err := tellRehearsed(filtered, left, known, out)
	if err != nil {
		return err
	}
	if filtered == nil {
		fmt.Fprintf(out, "5. In earnest, nothing would go to %s either.\n", shown(string(to.upload)))
	} else {
		fmt.Fprintf(out, "5. In earnest it would be sent to %s. This one was not.\n", shown(to.upload.join(filtered.Week)))
	}
	if !passed {
		return errNothingPasses
	}
	return nil
}

// rehearse takes the steps of a week from its local report on.
func (r *run) rehearse(week week) error {
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.makeLocalReport(week, new(listing), r.consent()); err != nil {
		return err
	}
	if err := r.bind(); err != nil {
		return err
	}
	if err := r.decide(r.consent()); err != nil {
		return err
	}
	return r.send()
}

// countedUntilNow has the counts of all weeks that were not reported yet, by build, and the weekday on which
// such weeks end.
func countedUntilNow(f folder, now time.Time) ([]*programReport, time.Weekday, error) {
	files, err := readListing(f)
	if err != nil {
		return nil, 0, err
	}
	sums := make(map[build]*programReport)
	var builds []build
	weekday := now.Weekday()
	ended, counting, _ := readWeeks(files.counterFiles, now)
	for _, week := range append(ended, counting...) {
		weekday = week.end.weekday()
		for _, program := range week.programs {
			of := program.build()
			sum := sums[of]
			if sum == nil {
				sum = reportOf(of, make(map[string]int64), make(map[string]int64))
				sums[of], builds = sum, append(builds, of)
			}
			add := func(to, from map[string]int64) {
				for name, count := range from {
					to[name] = int64(saturatingAdd(uint64(to[name]), uint64(count)) & (1<<63 - 1))
				}
			}
			add(sum.Counters, program.Counters)
			add(sum.Stacks, program.Stacks)
		}
	}
	slices.SortFunc(builds, compareBuilds)
	var counted []*programReport
	for _, of := range builds {
		counted = append(counted, sums[of])
	}
	return counted, weekday, nil
}

// tellRehearsed tells what is left out, how to let it through, and what would be sent. It says whether any
// count would be.
func tellRehearsed(filtered *report, left []withheld, known *knownConfig, out io.Writer) (passed bool, err error) {
	var sentences, ways []string
	for _, one := range left {
		if one.build == nil {
			continue
		}
		sentence, way := one.explain(left)
		if !slices.Contains(sentences, sentence) {
			sentences = append(sentences, sentence)
		}
		if way != "" && !slices.Contains(ways, way) {
			ways = append(ways, way)
		}
	}
	if filtered != nil && len(sentences) == 0 {
		fmt.Fprintln(out, "3. Nothing is left out: the config lists all of it.")
	} else {
		fmt.Fprintln(out, "3. Left out, because the config does not ask for it:")
	}
	for _, sentence := range sentences {
		fmt.Fprintf(out, "   %s\n", shown(sentence))
	}
	if len(ways) > 0 {
		fmt.Fprintln(out, "   To let it through, in the definitions of the config:")
	}
	for _, way := range ways {
		fmt.Fprintf(out, "   - %s\n", shown(way))
	}
	if filtered == nil {
		why := nothingAsked
		if len(sentences) > 0 {
			why = listed(sentences, 3)
		}
		fmt.Fprintf(out, "4. So nothing would be sent: %s.\n", shown(why))
		return false, nil
	}
	text, err := filtered.json()
	if err != nil {
		return false, err
	}
	fmt.Fprintf(out, "4. The report, byte for byte. X decides what is sampled; here it has its smallest value, which everything passes.\n"+
		"   In earnest it is random, and %.4g%% of weeks are sent.\n%s\n", 100*known.config.sampleRate, text)
	for _, program := range filtered.Programs {
		passed = passed || len(program.Counters)+len(program.Stacks) > 0
	}
	if !passed {
		fmt.Fprintln(out, "   No count is in it: it says only that this build was used.")
	}
	return passed, nil
}

// explain says in a sentence what the config lacks, and which file and key of the charts folder would let it
// through, if any would.
func (w withheld) explain(all []withheld) (sentence, way string) {
	of := w.build
	lacking := func(what string) string { return what + " is not in the config" }
	inCollection := func(value, key string) string {
		return fmt.Sprintf("list %q under `%s` in charts-config/collection.toml", value, key)
	}
	switch w.reason {
	case unlistedProgram:
		return lacking("program " + of.Program),
			fmt.Sprintf("add a file with `program = %q` to charts-config/programs/, and a chart of it to charts-config/charts/", of.Program)
	case unlistedVersion:
		way := fmt.Sprintf("list %q under `versions` in the file in charts-config/programs/ that has `program = %q`", of.Version, of.Program)
		if of.Version == "devel" {
			way = "build a release (from a tagged commit without changes, or by go install), or " + way
		}
		return lacking(fmt.Sprintf("version %s of %s", of.Version, of.Program)), way
	case unlistedToolchain:
		return lacking("toolchain " + of.GoVersion), inCollection(of.GoVersion, "toolchains")
	case unlistedGOOS:
		return lacking("operating system " + of.GOOS), inCollection(of.GOOS, "goos")
	case unlistedGOARCH:
		return lacking("architecture " + of.GOARCH), inCollection(of.GOARCH, "goarch")
	case unlistedCounter:
		stacks, kind := isStack(w.name), ""
		if stacks {
			kind = "`type = \"stack\"`, "
		}
		var names []string
		for _, other := range all {
			name, _, _ := strings.Cut(other.name, "\n")
			if other.reason == unlistedCounter && other.build != nil && other.build.Program == of.Program &&
				isStack(other.name) == stacks && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		name, _, _ := strings.Cut(w.name, "\n")
		return lacking("counter " + name),
			fmt.Sprintf("name %s in `counter` of a chart with %s`program = %q` in charts-config/charts/", listed(names, 3), kind, of.Program)
	}
	name, _, _ := strings.Cut(w.name, "\n")
	if name == "" {
		name = buildLine(*of)
	}
	return name + ": " + w.reason, ""
}

const rehearsalPrefix = "candor-rehearsal-"

// temporaryFolder makes a folder for one rehearsal, and removes those of rehearsals that were killed: as long
// as one lives, it holds a lock in its folder, in which Candor's client for Rust looks, too.
func temporaryFolder(parent string) (path string, remove func(), err error) {
	removeKilled(parent)
	for range 8 {
		if path, err = os.MkdirTemp(parent, rehearsalPrefix+"*"); err != nil {
			return "", nil, err
		}
		lock, err := openShared(filepath.Join(path, "lock"))
		if err == nil {
			// Whoever removes a folder locks it first.
			won, _ := tryLock(lock)
			if _, gone := os.Lstat(lock.Name()); won && gone == nil {
				return path, func() { lock.Close(); os.RemoveAll(path) }, nil
			}
			lock.Close()
		}
	}
	return "", nil, fmt.Errorf("cannot keep a temporary folder in %s", parent)
}

// removeKilled removes the folders of rehearsals whose processes have ended.
func removeKilled(parent string) {
	found, err := filepath.Glob(filepath.Join(parent, rehearsalPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range found {
		// Of this user, and not a link; a folder without a lock is being made.
		if checkFolder(path) != nil {
			continue
		}
		lock, err := openChecked(filepath.Join(path, "lock"), os.O_RDWR)
		if err != nil {
			continue
		}
		ended, _ := tryLock(lock)
		if ended {
			os.RemoveAll(path)
		}
		lock.Close()
		if ended {
			// Some systems keep a file that is open.
			os.RemoveAll(path)
		}
	}
}
