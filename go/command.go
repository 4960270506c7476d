package candor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// Command is a verb for the program's own command line, so that its users need no other program to decide:
//
//	myprog telemetry                      what is chosen, and how to change it
//	myprog telemetry on | local | off     choose
//	myprog telemetry view [--json]        what is counted, and what would be sent and not, and why
//	myprog telemetry rehearse             what would become of a week, without sending it
//	myprog telemetry upload [--refresh]   what happens by itself once a day, now; with --refresh, the newest
//	                                      config is fetched first
//
// args is what follows the verb. It returns the exit status: 0 done, 1 refused or failed (also if no count of a
// rehearsed week would be sent), 2 wrong usage.
func (project Project) Command(args []string, stdout, stderr io.Writer) int {
	f, err := project.folder()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	verb, rest := "", []string(nil)
	if len(args) > 0 {
		verb, rest = args[0], args[1:]
	}
	flag := map[string]string{"view": "--json", "upload": "--refresh"}[verb]
	if len(rest) > 1 || len(rest) == 1 && (flag == "" || rest[0] != flag) {
		return project.usage(stderr)
	}
	switch verb {
	case "":
		err = project.show(f, stdout)
	case "on", "local", "off":
		err = project.choose(f, Mode(verb), stdout)
	case "view":
		err = project.view(f, len(rest) == 1, stdout)
	case "rehearse":
		err = project.rehearse(f, stdout)
	case "upload":
		err = project.upload(f, len(rest) == 1, stdout)
	case "help", "--help", "-h":
		project.usage(stdout)
	default:
		return project.usage(stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, shown(err.Error()))
		return 1
	}
	return 0
}

// errWaits says that a report could not be sent now.
var errWaits = errors.New("not everything could be sent; it is tried again once a day")

func (project Project) command() string {
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") + " telemetry"
}

func (project Project) usage(out io.Writer) int {
	fmt.Fprintf(out, `Usage: %s [on | local | off | view [--json] | rehearse | upload [--refresh]]

  on       count, and send sampled reports of weeks that begin after today
  local    count on this machine, and send nothing
  off      write nothing and send nothing
  view     what is counted, and what would be sent and what not, and why
  rehearse what would become of a week of what was counted, without sending it
  upload   what happens by itself once a day, now; --refresh fetches the newest config first
`, project.command())
	return 2
}

func (project Project) show(f folder, out io.Writer) error {
	consent := project.consent(f)
	fmt.Fprintf(out, "telemetry of %s is %s", project.Name, consent.Mode)
	switch {
	case consent.Why != "":
		fmt.Fprintf(out, " (%s)", shown(consent.Why))
	case consent.Since != "":
		fmt.Fprintf(out, " (chosen on %s)", consent.Since)
	}
	fmt.Fprintf(out, ".\nIts files are in %s.\nReports go to %s.\n", shown(string(f)), shown(project.receiver()))
	fmt.Fprintf(out, "`%[1]s on`, `local` or `off` changes that; `%[1]s view` shows what is counted and what would be sent.\n", project.command())
	return nil
}

func (project Project) receiver() string {
	if project.URL == "" {
		return "nobody"
	}
	return project.URL
}

func (project Project) choose(f folder, mode Mode, out io.Writer) error {
	today := dayOf(project.now())
	if err := storeMode(f, mode, today); err != nil {
		return err
	}
	fmt.Fprintf(out, "telemetry of %s is %s. ", project.Name, mode)
	switch mode {
	case On:
		fmt.Fprintf(out, "It counts, and sampled reports of weeks that begin after %s are sent to %s.\n`%s view` shows what is counted and what would be sent.\n",
			today, shown(project.receiver()), project.command())
	case Local:
		fmt.Fprintln(out, "It counts on this machine. Nothing is sent.")
	default:
		fmt.Fprintf(out, "Nothing is counted and nothing is sent. What was counted before is in %s; delete it as you like.\n", shown(string(f)))
	}
	if consent := project.consent(f); consent.Mode != mode {
		fmt.Fprintf(out, "For this process it is %s: %s.\n", consent.Mode, shown(consent.Why))
	}
	return nil
}

func (project Project) upload(f folder, refresh bool, out io.Writer) error {
	to, err := project.destination()
	if err != nil {
		return err
	}
	if to == nil {
		return errors.New("the program names no deployment, so nothing is ever sent")
	}
	run := &run{
		folder: f, to: to, network: web{}, now: project.now(), askedByUser: true,
		consent: func() Consent { return project.consent(f) }, draw: drawX,
	}
	consent := run.consent()
	if consent.Mode == Off {
		return fmt.Errorf("telemetry is off: nothing was done%s", inBrackets(consent.Why))
	}
	// The program has just started its own worker, perhaps. A person waits for it.
	patient := func(do func() error) error {
		for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			run.busy = false
			if err := do(); err != nil || !run.busy || time.Since(begun) > patience {
				return err
			}
		}
	}
	if refresh {
		var known *knownConfig
		err := patient(func() (err error) {
			known, err = run.refresh()
			return err
		})
		if err == nil && known == nil {
			err = errBusy
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "the newest config is %s\n", known.version)
	}
	if err := patient(run.do); err != nil {
		return err
	}
	if run.busy {
		return errBusy
	}
	for _, event := range run.events {
		fmt.Fprintln(out, shown(event))
	}
	switch {
	case run.waits > 0:
		return errWaits
	case consent.Mode == Local:
		fmt.Fprintln(out, "nothing is sent: telemetry is local")
	case run.sent == 0:
		fmt.Fprintln(out, "nothing waits to be sent")
	}
	return nil
}

// patience is how long a person waits for another process.
const patience = time.Minute

var errBusy = errors.New("another process is making reports; nothing was done")

// refresh fetches the newest config, whatever is known; nil if another process is making reports.
func (r *run) refresh() (*knownConfig, error) {
	r.today = dayOf(r.now)
	unlock, err := r.lock()
	if err != nil || r.busy {
		return nil, err
	}
	defer unlock()
	if err := r.bind(); err != nil {
		return nil, err
	}
	return r.fetchNewest(r.to, r.known(r.to))
}

// viewJSON is what `view --json` prints.
type viewJSON struct {
	Project string         `json:"project"`
	Mode    Mode           `json:"mode"`
	Config  string         `json:"config,omitempty"`
	Weeks   []viewWeekJSON `json:"weeks"`
	// Ready are the reports that wait to be sent, byte for byte.
	Ready []string `json:"ready"`
	Sent  []string `json:"sent"`
}

type viewWeekJSON struct {
	End     string           `json:"end"`
	Ended   bool             `json:"ended"`
	Counted []*programReport `json:"counted"`
	// Held says why nothing of it is sent, if nothing is.
	Held string `json:"held,omitempty"`
	// State says what Report and Withheld mean.
	State    string         `json:"state"`
	Report   string         `json:"report,omitempty"`
	Withheld []withheldJSON `json:"withheld"`
	// short says why it has fewer than seven days, if it has.
	short string
}

type withheldJSON struct {
	Build  *build `json:"build,omitempty"`
	Name   string `json:"name,omitempty"`
	Reason string `json:"reason"`
}

// view shows what is counted and what would be sent. Nothing is fetched, sent or changed.
func (project Project) view(f folder, asJSON bool, out io.Writer) error {
	to, err := project.destination()
	if err != nil {
		return err
	}
	var known *knownConfig
	if to != nil {
		known = readKnown(f, to)
	}
	seen := &viewJSON{Project: project.Name, Mode: project.consent(f).Mode, Weeks: []viewWeekJSON{}, Ready: []string{}, Sent: []string{}}
	if known != nil {
		seen.Config = known.version.String()
	}
	if err := project.preview(f, known, seen); err != nil {
		return err
	}
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(seen)
	}
	fmt.Fprintf(out, "telemetry of %s\nmode %s\n", project.Name, seen.Mode)
	if known != nil {
		fmt.Fprintf(out, "config %s, verified on %s\n", known.version, known.fetched)
	} else {
		fmt.Fprintf(out, "config none; `%s upload --refresh` fetches and verifies it\n", project.command())
	}
	for _, week := range seen.Weeks {
		verb := "ends"
		if week.Ended {
			verb = "ended"
		}
		fmt.Fprintf(out, "\nThe week that %s on %s%s\n", verb, week.End, week.short)
		for _, program := range week.Counted {
			fmt.Fprintf(out, "  %s\n", shown(buildLine(program.build())))
			for _, counts := range []map[string]int64{program.Counters, program.Stacks} {
				for _, name := range sortedNames(counts) {
					fmt.Fprintf(out, "    %s: %d\n", shown(strings.ReplaceAll(name, "\n", " < ")), counts[name])
				}
			}
		}
		fmt.Fprintln(out, "  "+shown(week.State))
		if week.Report != "" {
			for _, line := range strings.Split(week.Report, "\n") {
				fmt.Fprintln(out, "    "+shown(line))
			}
		}
		for _, left := range week.Withheld {
			what := "the report"
			if left.Name != "" {
				what, _, _ = strings.Cut(left.Name, "\n")
			} else if left.Build != nil {
				what = buildLine(*left.Build)
			}
			fmt.Fprintf(out, "  not sent: %s: %s\n", shown(what), shown(left.Reason))
		}
	}
	for _, text := range seen.Ready {
		fmt.Fprintf(out, "\nReady to be sent:\n%s\n", text)
	}
	if len(seen.Sent) > 0 {
		fmt.Fprintf(out, "\nSent: the weeks that ended on %s\n", strings.Join(seen.Sent, ", "))
	}
	return nil
}

// preview fills in the weeks. A week whose X is drawn is shown as it will be sent, byte for byte; another
// one with the smallest X, with which sampling leaves out nothing.
func (project Project) preview(f folder, known *knownConfig, seen *viewJSON) error {
	files, err := readListing(f)
	if err != nil {
		return err
	}
	now := project.now()
	consent, today := project.consent(f), dayOf(now)
	add := func(local *report, begin, end day, ended bool) error {
		week := viewWeekJSON{End: local.Week, Ended: ended, Counted: local.Programs, Withheld: []withheldJSON{}}
		if end-begin < 7 && begin > 0 {
			week.short = fmt.Sprintf(" (it is short: counting began on %s, and weeks of this machine end on a %s)", begin, end.weekday())
		}
		sent := "is"
		if week.Held, _ = holds(consent, &begin, end, today); week.Held != "" {
			week.State, sent = fmt.Sprintf("Nothing of it is sent: %s. ", week.Held), "would be"
		}
		switch {
		case known == nil || local.isDrawn() && local.Config != known.version.String():
			week.State += "Its config is not known here; it is fetched and verified before anything is sent."
			seen.Weeks = append(seen.Weeks, week)
			return nil
		case local.isDrawn():
			week.State += fmt.Sprintf("By config %s, this %s sent, byte for byte:", known.version, sent)
		default:
			week.State += fmt.Sprintf("By config %s, at most this %s sent, for %.4g%% of all weeks; X is drawn when the week has ended and the newest config is known:",
				known.version, sent, 100*known.config.sampleRate)
		}
		x := local.X
		if !local.isDrawn() {
			x = xOf(0)
		}
		filtered, left := filter(local, x, known.config, known.version.String(), files.lastSentBefore(end))
		if filtered == nil {
			week.State = strings.TrimSuffix(week.State, ":") + ": nothing"
		} else {
			text, err := filtered.json()
			if err != nil {
				return err
			}
			week.Report = string(text)
		}
		for _, one := range left {
			week.Withheld = append(week.Withheld, withheldJSON{one.build, one.name, one.reason})
		}
		seen.Weeks = append(seen.Weeks, week)
		return nil
	}
	for _, week := range sortedDays(files.pending) {
		local, err := readReport(f.localReport(week))
		if err != nil || files.ready[week] || files.sent[week] || files.refused[week] {
			continue
		}
		if err := add(local, readBegin(f, week), week, true); err != nil {
			return err
		}
	}
	ended, counting, _ := readWeeks(files.counterFiles, now)
	for i, week := range append(ended, counting...) {
		if files.local[week.end] || len(week.programs) == 0 {
			continue
		}
		local := &report{week.end.String(), files.lastSentBefore(week.end), 0, week.programs, noConfig}
		if err := add(local, week.begin, week.end, i < len(ended)); err != nil {
			return err
		}
	}
	for _, week := range sortedDays(files.ready) {
		if files.sent[week] {
			continue
		}
		text, err := readText(f.ready(week), longestReport)
		if err != nil {
			return err
		}
		seen.Ready = append(seen.Ready, text)
	}
	for _, week := range sortedDays(files.sent) {
		seen.Sent = append(seen.Sent, week.String())
	}
	return nil
}

func buildLine(b build) string {
	return fmt.Sprintf("%s@%s %s %s/%s", b.Program, b.Version, b.GoVersion, b.GOOS, b.GOARCH)
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// shown is a text that others may have written, without what would move a terminal's cursor or hide text.
// Line ends stay.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}
