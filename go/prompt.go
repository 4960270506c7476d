package candor

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
)

// Asking the user once whether to opt in, as Candor's client for Rust does:
//
//   - A stated share of users is asked, and always the same ones: those for whom a hash of the project and of
//     their home folder (its path, its number, and on Linux its time of creation) is below the share. No
//     identifier is made, kept or sent, and nothing is written for the others.
//   - Never twice. Before the question is shown, off is stored as the user's choice. Where it cannot be stored,
//     nobody is asked.
//   - Only a person at a terminal, where standard input, output and error are one; not where CI, DO_NOT_TRACK or
//     the program's own variable is set, and not before the verb telemetry.
//   - No is the default. Only y or yes opts in.
//   - Whoever says yes is counted as acceptedCounter, and nobody else.

// acceptedCounter is counted for those who said yes.
const acceptedCounter = "telemetry/prompt:accepted"

// longestAnswer is the longest answer that is read, in bytes.
const longestAnswer = 256

// ask asks, if this process may. It says whether the user has said yes.
func (project *Project) ask(f folder, consent Consent) bool {
	switch {
	case !consent.unchosen, !isNo(os.Getenv("CI")), project.Variable != "" && os.Getenv(project.Variable) != "",
		len(os.Args) > 1 && os.Args[1] == "telemetry", os.Getenv(crashMonitorVariable) != "",
		!(numberOf(project.Name, homeFolder()) < project.AskPercent/100):
		return false
	}
	for _, file := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if !isTerminal(file) {
			return false
		}
	}
	return project.askOver(f, os.Stdin, os.Stderr)
}

// askOver asks over any terminal.
func (project *Project) askOver(f folder, from io.Reader, to io.Writer) bool {
	today := dayOf(project.now())
	// First, so that nobody is asked twice, however this ends.
	if storeMode(f, Off, today) != nil {
		return false
	}
	if _, err := io.WriteString(to, project.question()); err != nil {
		return false
	}
	yes := isYes(readAnswer(from))
	mode := On
	if project.URL == "" {
		mode = Local
	}
	accepted := yes && storeMode(f, mode, today) == nil
	// Whoever cannot be told has still chosen.
	switch {
	case accepted:
		fmt.Fprintf(to, "Thank you. `%s off` ends it at any time.\n", project.command())
	case yes:
		fmt.Fprintln(to, "That could not be stored, so it stays off.")
	default:
		fmt.Fprintln(to, "It stays off, and you are not asked again.")
	}
	return accepted
}

func (project *Project) question() string {
	name, verb := shown(project.Name), project.command()
	sent := fmt.Sprintf("If you agree, %s counts on this machine how it is used. Nothing is sent.\n"+
		"`%s view` shows what was counted.\n", name, verb)
	if project.URL != "" {
		sent = fmt.Sprintf("If you agree, %s counts on this machine how it is used, and once a week a\n"+
			"random sample of machines sends the totals to %s.\n"+
			"Which counts may be sent is decided in public, and listed there; they have no\n"+
			"identifier, no address is stored, and everybody can see the results.\n"+
			"`%s view` shows what would be sent, before it is.\n", name, shown(project.URL), verb)
	}
	return "\n" + sent + "You are asked this once.\nMay it? [y/N] "
}

// readAnswer reads a line, and no byte after it: the program may read on.
func readAnswer(from io.Reader) string {
	var answer []byte
	for next := make([]byte, 1); len(answer) < longestAnswer; {
		if n, err := from.Read(next); n == 0 || err != nil {
			break
		}
		answer = append(answer, next[0])
		if next[0] == '\n' {
			break
		}
	}
	return string(answer)
}

func isYes(answer string) bool {
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

func homeFolder() string {
	if home := os.Getenv("HOME"); home != "" {
		return home
	}
	return os.Getenv("USERPROFILE")
}

// numberOf is a number from 0 to 1 that is always the same for a user and a project, and evenly distributed.
func numberOf(project, home string) float64 {
	hash := sha256.Sum256([]byte(fmt.Sprintf("%q %q %s", project, home, identityOf(home))))
	// 53 bits, which a float has.
	return float64(binary.BigEndian.Uint64(hash[:])>>11) / (1 << 53)
}
