package candor

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func testProject(url string) *Project {
	return &Project{Name: "example.org/tool", URL: url, AsOf: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
}

func TestOnlyAYesOptsInAndEveryAnswerIsTheLast(t *testing.T) {
	ask := func(answer, url string) (bool, Mode, string) {
		f := folder(filepath.Join(t.TempDir(), "telemetry"))
		var shown bytes.Buffer
		from := strings.NewReader(answer + "the program's own input")
		accepted := testProject(url).askOver(f, from, &shown)
		after := chosenConsent(f)
		if after.Since != "2026-11-22" || after.unchosen {
			t.Errorf("%q left no choice: %+v", answer, after)
		}
		if strings.HasSuffix(answer, "\n") && from.Len() != len("the program's own input") {
			t.Errorf("after %q, %d bytes are left for the program", answer, from.Len())
		}
		return accepted, after.Mode, shown.String()
	}
	for _, yes := range []string{"y\n", "Y\n", "yes\n", "  YES \r\n"} {
		accepted, mode, shown := ask(yes, testURL)
		if !accepted || mode != On || !strings.Contains(shown, testURL) || !strings.Contains(shown, " telemetry off` ends it") {
			t.Errorf("%q: %v %s %s", yes, accepted, mode, shown)
		}
	}
	for _, no := range []string{"\n", "n\n", "yes please\n", "\x1b[A\n", "ja\n", "yy\n", strings.Repeat("y", 100_000)} {
		if accepted, mode, _ := ask(no, testURL); accepted || mode != Off {
			t.Errorf("%.20q: %v %s", no, accepted, mode)
		}
	}
	if accepted, mode, shown := ask("y\n", ""); !accepted || mode != Local || !strings.Contains(shown, "Nothing is sent") {
		t.Errorf("%v %s %s", accepted, mode, shown)
	}
}

func TestNobodyIsAskedWhereTheAnswerCannotBeStored(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	var shown bytes.Buffer
	if testProject(testURL).askOver(folder(filepath.Join(file, "telemetry")), strings.NewReader("y\n"), &shown) || shown.Len() > 0 {
		t.Errorf("asked: %s", shown.String())
	}
}

func TestTheShareThatIsAskedIsTheOneThatWasStated(t *testing.T) {
	home := t.TempDir()
	asked := func(percent float64) (asked int) {
		for user := range 2000 {
			if numberOf("example.org/tool", filepath.Join(home, string(rune('0'+user)))) < percent/100 {
				asked++
			}
		}
		return asked
	}
	for percent, want := range map[float64]int{0: 0, -5: 0, math.NaN(): 0, 100: 2000, 250: 2000} {
		if got := asked(percent); got != want {
			t.Errorf("%v%%: %d are asked", percent, got)
		}
	}
	// 200 on average, with a standard deviation of 13.4.
	if got := asked(10); got < 120 || got > 280 {
		t.Errorf("%d of 2000 are asked at 10%%", got)
	}
	if numberOf("example.org/tool", home) != numberOf("example.org/tool", home) ||
		numberOf("example.org/tool", home) == numberOf("example.org/other", home) {
		t.Error("a user's number is the same for one project, and another one for another")
	}
}

func TestTheQuestionIsThatOfTheClientForRust(t *testing.T) {
	source, err := os.ReadFile("../src/client/prompt.rs")
	if err != nil {
		t.Skip("the package was copied")
	}
	for _, url := range []string{testURL, ""} {
		project := testProject(url)
		question := strings.NewReplacer(project.Name, "{project}", testURL, "{site}", project.command(), "{verb}").Replace(project.question())
		for _, line := range strings.Split(strings.TrimSpace(question), "\n") {
			if !strings.Contains(string(source), strings.TrimSpace(line)) {
				t.Errorf("the client for Rust does not ask %q", line)
			}
		}
	}
}
