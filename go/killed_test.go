//go:build unix

package candor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAWeekIsSentOnceHoweverOftenItsRunsAreKilled kills each run a little later than the one before, so that
// runs end before, between and after all steps.
func TestAWeekIsSentOnceHoweverOftenItsRunsAreKilled(t *testing.T) {
	if at := os.Getenv("CANDOR_TEST_KILLED"); at != "" {
		project := Project{Folder: at, URL: os.Getenv("CANDOR_TEST_URL"), Module: testModule, Trust: os.Getenv("CANDOR_TEST_KEY")}
		project.AsOf = time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)
		os.Exit(project.Command([]string{"upload"}, io.Discard, os.Stderr))
	}
	server := newTestServer(t)
	server.publish(t, configOf(1))
	var lock sync.Mutex
	posted := make(map[string]bool)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lock.Lock()
		defer lock.Unlock()
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				posted[r.URL.Path+string(body)] = true
			}
			return
		}
		file, err := server.get(testURL+r.URL.Path, longestNote)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(file)
	}))
	defer site.Close()
	executable, err := os.Executable()
	check(t, err)
	start := func(f folder) *exec.Cmd {
		run := exec.Command(executable, "-test.run=^TestAWeekIsSentOnceHoweverOftenItsRunsAreKilled$")
		run.Env = []string{"CANDOR_TEST_KILLED=" + string(f), "CANDOR_TEST_URL=" + site.URL, "CANDOR_TEST_KEY=" + server.key}
		check(t, run.Start())
		return run
	}
	for round := range 2 {
		clear(posted)
		machine := newTestMachine(t, server)
		machine.count(t, "2026-11-02", "2026-11-09")
		for step := range 30 {
			run := start(machine.folder)
			time.Sleep(time.Duration(4*step+round) * time.Millisecond)
			_ = run.Process.Kill()
			_ = run.Wait()
		}
		if err := start(machine.folder).Wait(); err != nil {
			t.Fatal(err)
		}
		files, err := readListing(machine.folder)
		check(t, err)
		if len(posted) != 1 || len(files.sent) != 1 || len(files.local) != 1 || len(files.pending)+len(files.ready)+len(files.counterFiles) > 0 {
			t.Errorf("%d different reports were sent, left is %+v", len(posted), files)
		}
		for report := range posted {
			kept, err := os.ReadFile(filepath.Join(machine.folder.upload(), "2026-11-09.json"))
			check(t, err)
			if !strings.HasSuffix(report, string(kept)) {
				t.Errorf("%s is kept, and %s was sent", kept, report)
			}
		}
	}
}
