//go:build unix && go1.25

package candor

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/telemetry/counter"
)

//go:noinline
func crashAsTheTestAsked() {
	panic("as the test asked")
}

// In a process of its own, because a process opens its counters once; and in a bubble of time.
func TestAProgramThatRunsForDaysCountsEachWeekInItsOwnFile(t *testing.T) {
	if home := os.Getenv("CANDOR_TEST_ROTATE"); home != "" {
		// Outside the bubble, whose goroutines Go's runtime describes otherwise.
		crash, never := make(chan struct{}), make(chan struct{})
		go func() {
			<-crash
			crashAsTheTestAsked()
		}()
		synctest.Test(t, func(t *testing.T) {
			crashes := os.Getenv("CANDOR_TEST_CRASHES") != ""
			status := Start(Project{Name: "example.org/tool", Folder: home, LongRunning: true, Crashes: crashes})
			if !status.Counting {
				t.Fatal(status.Err)
			}
			counted := counter.New("tool/verb:run")
			// Not at midnight, when a week may end.
			time.Sleep(time.Hour)
			for range 20 {
				counted.Inc()
				time.Sleep(24 * time.Hour)
			}
			if crashes {
				close(crash)
				<-never
			}
			os.Exit(0)
		})
	}
	f := folder(filepath.Join(t.TempDir(), "telemetry"))
	check(t, storeMode(f, Local, 0))
	executable, err := os.Executable()
	check(t, err)
	for _, crashes := range []string{"", "yes"} {
		host := exec.Command(executable, "-test.run=^TestAProgramThatRunsForDaysCountsEachWeekInItsOwnFile$")
		host.Env = append(os.Environ(), "CANDOR_TEST_ROTATE="+string(f), "DO_NOT_TRACK=", "CANDOR_TEST_CRASHES="+crashes)
		output, err := host.CombinedOutput()
		if (err != nil) != (crashes != "") {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	// The crash is counted by the system's time, in the week in which it happened.
	var files *listing
	crash := func() string {
		var err error
		files, err = readListing(f)
		check(t, err)
		_, counting, _ := readWeeks(files.counterFiles, time.Now())
		for _, week := range counting {
			for _, program := range week.programs {
				for name := range program.Stacks {
					return name
				}
			}
		}
		return ""
	}
	for begun := time.Now(); crash() == "" && time.Since(begun) < time.Minute; {
		time.Sleep(20 * time.Millisecond)
	}
	if name := crash(); !strings.HasPrefix(name, "crash/crash\n") || !strings.Contains(name, ".crashAsTheTestAsked:+1") {
		t.Errorf("counted %q", name)
	}
	// Of the years of the bubble.
	files.counterFiles = slices.DeleteFunc(files.counterFiles, func(path string) bool { return !strings.Contains(filepath.Base(path), "-20"+"00-") })
	ended, counting, broken := readWeeks(files.counterFiles, time.Date(2000, 3, 1, 0, 0, 0, 0, time.UTC))
	// The file of the week after the last may be there already.
	ended = slices.DeleteFunc(ended, func(week week) bool { return len(week.programs) == 0 })
	if len(ended) < 3 || len(ended) > 4 || len(counting)+len(broken) > 0 {
		t.Fatalf("%+v %+v %+v", ended, counting, broken)
	}
	sum := int64(0)
	for i, week := range ended {
		if len(week.programs) != 1 || i > 0 && week.begin != ended[i-1].end {
			t.Errorf("%+v", week)
		}
		count := week.programs[0].Counters["tool/verb:run"]
		if days := int64(week.end - week.begin); i < len(ended)-1 && count != 2*days {
			t.Errorf("%d counts in %d days", count, days)
		}
		sum += count
	}
	if sum != 40 {
		t.Errorf("%d counts, want 40", sum)
	}
	for _, week := range ended {
		for _, path := range week.files {
			if info, err := os.Stat(path); err != nil || info.Size() != room || info.Mode().Perm() != 0o600 {
				t.Errorf("%s was not made beforehand: %v %v", path, info, err)
			}
		}
	}
	names, err := fileNames(f.local())
	check(t, err)
	left := 0
	for _, name := range names {
		if strings.HasPrefix(name, rotatingPrefix) {
			left++
		}
	}
	if left != 1 {
		t.Errorf("what the first program left was not removed: %v", names)
	}
}
