package candor

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAtATerminalTheQuestionIsAskedOnceAndAYesIsCounted(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("script, which has a terminal for its child, is not installed (bsdutils)")
	}
	executable, err := os.Executable()
	check(t, err)
	host := func(home, answer, variable string, terminal bool) string {
		t.Helper()
		command := exec.Command(executable)
		if terminal {
			command = exec.Command(script, "--quiet", "--return", "--command", executable, "/dev/null")
		}
		command.Env = []string{"CANDOR_TEST_HOST=1", "CANDOR_TEST_ASK=1", "CANDOR_TEST_URL=http://127.0.0.1:1", "PATH=/bin:/usr/bin", "HOME=" + home, variable}
		command.Stdin = strings.NewReader(answer)
		output, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(output), "alive ") {
			t.Fatalf("%v: %s", err, output)
		}
		return string(output)
	}
	chosen := func(home string) Consent {
		return chosenConsent(folder(filepath.Join(home, ".config", "candor", folderName("example.org/tool"))))
	}
	for _, variable := range []string{"CI=true", "DO_NOT_TRACK=1", "TOOL_TELEMETRY=on"} {
		home := t.TempDir()
		if said := host(home, "y\n", variable, true); strings.Contains(said, "[y/N]") || !chosen(home).unchosen {
			t.Errorf("%s: asked: %s", variable, said)
		}
	}
	home := t.TempDir()
	if said := host(home, "y\n", "CI=", false); strings.Contains(said, "[y/N]") || !chosen(home).unchosen {
		t.Errorf("asked without a terminal: %s", said)
	}
	if said := host(home, "\n", "CI=", true); !strings.Contains(said, "May it? [y/N]") || chosen(home).Mode != Off {
		t.Errorf("not asked, or on: %s", said)
	}
	if said := host(home, "y\n", "CI=", true); strings.Contains(said, "[y/N]") || chosen(home).Mode != Off {
		t.Errorf("asked twice: %s", said)
	}
	home = t.TempDir()
	if said := host(home, "y\n", "CI=", true); !strings.Contains(said, "Thank you.") || !strings.Contains(said, "alive true") || chosen(home).Mode != On {
		t.Errorf("a yes is not taken: %s", said)
	}
	files, err := readListing(folder(filepath.Join(home, ".config", "candor", folderName("example.org/tool"))))
	check(t, err)
	ended, counting, broken := readWeeks(files.counterFiles, time.Now())
	if len(ended)+len(broken) > 0 || len(counting) != 1 || counting[0].programs[0].Counters[acceptedCounter] != 1 {
		t.Errorf("not counted: %+v", counting)
	}
}
