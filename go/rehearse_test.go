package candor

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// rehearsedWith rehearses what a machine counted, under this config, and says what was told.
func rehearsedWith(t *testing.T, config string) (string, error) {
	t.Helper()
	server := newTestServer(t)
	server.publish(t, config)
	machine := newTestMachine(t, server)
	machine.count(t, "2026-11-20", "2026-11-24")
	before, err := readListing(machine.folder)
	check(t, err)
	project := Project{Name: "example.org/hello", URL: testURL, Module: testModule, Trust: server.key}
	project.AsOf = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	rehearsed := project.rehearseOver(machine.folder, server, &out)
	after, err := readListing(machine.folder)
	check(t, err)
	if len(server.posted) > 0 || fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("sent %q, and left %+v", server.posted, after)
	}
	if left, err := os.ReadDir(os.TempDir()); runtime.GOOS != "windows" && (err != nil || len(left) > 0) {
		t.Errorf("left behind: %v %v", left, err)
	}
	return out.String(), rehearsed
}

func expectParts(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

func TestARehearsalShowsTheReportAndSendsNothing(t *testing.T) {
	told, err := rehearsedWith(t, configOf(0.25))
	check(t, err)
	expectParts(t, told, "the week that began on 2026-11-14 and ended on 2026-11-21",
		"           3  hello/verb:run\n", "In earnest, it is a week that ends on a Tuesday", "2. The config v0.1.0 of "+testModule,
		"3. Nothing is left out", `"hello/verb:run": 3`, "25% of weeks are sent", "5. In earnest it would be sent to "+testURL+"/upload/2026-11-21. This one was not.")
}

func TestWhatKeepsAReportBackIsNamedWithTheWayOut(t *testing.T) {
	told, err := rehearsedWith(t, strings.Replace(configOf(1), "go1.26.8", "go1.25.0", 1))
	if !errors.Is(err, errNothingPasses) {
		t.Errorf("%v", err)
	}
	expectParts(t, told, "toolchain go1.26.8 is not in the config", "- list \"go1.26.8\" under `toolchains` in charts-config/collection.toml",
		"4. So nothing would be sent: toolchain go1.26.8 is not in the config.", "5. In earnest, nothing would go to")
	told, err = rehearsedWith(t, strings.Replace(configOf(1), "hello/verb:{run,help}", "hello/other", 1))
	if !errors.Is(err, errNothingPasses) {
		t.Errorf("%v", err)
	}
	expectParts(t, told, "counter hello/verb:run is not in the config",
		"- name hello/verb:run in `counter` of a chart with `program = \"example.org/hello\"` in charts-config/charts/", "No count is in it")
}

func TestThereIsNothingToRehearseBeforeSomethingWasCounted(t *testing.T) {
	server := newTestServer(t)
	machine := newTestMachine(t, server)
	project := Project{Name: "example.org/hello", URL: testURL, Module: testModule, Trust: server.key}
	err := project.rehearseOver(machine.folder, server, new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "nothing was counted") || server.asked > 0 {
		t.Errorf("%v", err)
	}
	project.URL = ""
	if err := project.rehearse(machine.folder, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "sends nothing") {
		t.Errorf("%v", err)
	}
}

func TestFoldersOfKilledRehearsalsAreRemovedAndThoseOfRunningOnesStay(t *testing.T) {
	parent := t.TempDir()
	killed, made := filepath.Join(parent, "candor-rehearsal-1"), filepath.Join(parent, "candor-rehearsal-2")
	check(t, os.MkdirAll(filepath.Join(killed, "telemetry"), 0o700))
	check(t, os.WriteFile(filepath.Join(killed, "lock"), nil, 0o600))
	check(t, os.Mkdir(made, 0o700))
	running, remove, err := temporaryFolder(parent)
	check(t, err)
	another, removeOther, err := temporaryFolder(parent)
	check(t, err)
	removeOther()
	for path, there := range map[string]bool{killed: false, made: true, running: true, another: false} {
		if _, err := os.Lstat(path); (err == nil) != there {
			t.Errorf("%s: %v", path, err)
		}
	}
	remove()
}
