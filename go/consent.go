package candor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Mode is what a user allows.
type Mode string

const (
	// Off: nothing is written and nothing is sent.
	Off Mode = "off"
	// Local: the program counts on this machine, and nothing is sent.
	Local Mode = "local"
	// On: the program counts, and sampled reports are sent for weeks that began after opting in.
	On Mode = "on"
)

// longestMode is the longest mode file that is read, in bytes.
const longestMode = 1024

// Consent is what is allowed, since when, and why.
//
// The user's choice is one line in the file mode of the telemetry folder: the mode, a space, and the day on
// which it was chosen ("on 2026-11-22"). Silence is not consent: without the file nothing is counted, and a
// file that cannot be read or understood means Off.
type Consent struct {
	Mode Mode
	// Since is the day on which the user chose, such as 2026-11-22, if the file says.
	Since string
	// Why says what else decided than the user's choice; empty if it was that.
	Why string

	since    day
	hasSince bool
	// unchosen says that nobody has chosen yet.
	unchosen bool
}

// parseMode reads the text of a mode.
func parseMode(text string) (Mode, error) {
	switch mode := Mode(text); mode {
	case Off, Local, On:
		return mode, nil
	}
	return Off, fmt.Errorf("%q is not a mode: choose on, local or off", text)
}

// parseConsent reads the text of a mode file.
func parseConsent(text string) (Consent, error) {
	name, date, dated := strings.Cut(strings.TrimSpace(text), " ")
	mode, err := parseMode(name)
	if err != nil {
		return Consent{Mode: Off}, err
	}
	consent := Consent{Mode: mode}
	// As in Go's client, a malformed day is ignored.
	if since, err := parseDay(date); dated && err == nil {
		consent.Since, consent.since, consent.hasSince = since.String(), since, true
	}
	return consent, nil
}

// isNo says whether the value of an environment variable means that it does not apply.
func isNo(value string) bool { return value == "" || value == "0" || value == "false" }

// readConsent is the consent for a folder in this process. It creates nothing. variable is the name of the
// project's own environment variable, or empty.
func readConsent(f folder, variable string, environment func(string) string) Consent {
	if !isNo(environment("DO_NOT_TRACK")) {
		return Consent{Mode: Off, Why: "DO_NOT_TRACK is set"}
	}
	consent := chosenConsent(f)
	if variable != "" {
		consent = consent.limitedBy(variable, environment(variable))
	}
	return consent
}

// limitedBy is the same, or less if the program's own environment variable says so: off (or 0, false, no), or
// local. Any other value changes nothing: a variable cannot opt in, because it does not say since when.
func (consent Consent) limitedBy(variable, value string) Consent {
	limit := consent.Mode
	switch strings.ToLower(value) {
	case "off", "0", "false", "no":
		limit = Off
	case "local":
		if consent.Mode == On {
			limit = Local
		}
	}
	if limit != consent.Mode {
		consent.Mode, consent.Why = limit, variable+" says so"
	}
	return consent
}

// chosenConsent is what the mode file says.
func chosenConsent(f folder) Consent {
	err := checkFolder(string(f))
	var text string
	if err == nil {
		text, err = readText(f.mode(), longestMode)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Consent{Mode: Off, Why: "nobody has chosen yet", unchosen: true}
	}
	if err != nil {
		return Consent{Mode: Off, Why: fmt.Sprintf("cannot read the choice: %v", err)}
	}
	consent, err := parseConsent(text)
	if err != nil {
		consent.Why = fmt.Sprintf("%s: %v", f.mode(), err)
	}
	return consent
}

// storeMode stores the user's choice, made today, durably.
func storeMode(f folder, mode Mode, today day) error {
	if err := createFolderDurably(string(f)); err != nil {
		return fmt.Errorf("cannot store the telemetry mode: %w", err)
	}
	temporary := fmt.Sprintf("%s%c.mode.%d", f, os.PathSeparator, os.Getpid())
	if err := replace(f.mode(), temporary, []byte(fmt.Sprintf("%s %s", mode, today))); err != nil {
		return fmt.Errorf("cannot store the telemetry mode: %w", err)
	}
	return nil
}
