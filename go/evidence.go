package candor

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/mod/sumdb/tlog"
)

// Evidence of a fork is a file that anyone with the log's key can check without a network, for example with
// `candor verify`: both signed statements, and the proof that they contradict each other. The format is
// that of Candor's client for Rust (candor-evidence/v1).

// twoRoots is evidence that a log signed two trees of one size.
func twoRoots(remarks []string, first, second []byte) string {
	text := evidenceHead(remarks, "two-roots")
	writeNote(text, first)
	writeNote(text, second)
	return text.String()
}

// notContained is evidence that a log signed a tree that does not begin with an older one: the root that
// the newer tree has at the older one's size, and the consistency proof from it.
func notContained(remarks []string, older, newer []byte, prefixRoot tlog.Hash, proof tlog.TreeProof) string {
	text := evidenceHead(remarks, "not-contained")
	writeNote(text, older)
	writeNote(text, newer)
	fmt.Fprintf(text, "\nroot %s\n", prefixRoot)
	for _, hash := range proof {
		fmt.Fprintf(text, "%s\n", hash)
	}
	return text.String()
}

func evidenceHead(remarks []string, kind string) *strings.Builder {
	text := new(strings.Builder)
	text.WriteString("candor-evidence/v1\n")
	for _, remark := range remarks {
		fmt.Fprintf(text, "# %s\n", strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, remark))
	}
	text.WriteString(kind + "\n")
	return text
}

func writeNote(text *strings.Builder, note []byte) {
	text.WriteByte('\n')
	for _, line := range strings.Split(strings.TrimSuffix(string(note), "\n"), "\n") {
		if line == "" {
			text.WriteString(">\n")
		} else {
			text.WriteString("> " + line + "\n")
		}
	}
}
