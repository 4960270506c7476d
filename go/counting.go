package candor

import (
	"crypto/rand"
	"errors"
	"fmt"
	goversion "go/version"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/telemetry"
	"golang.org/x/telemetry/counter"
)

// Counting is done by golang.org/x/telemetry/counter, in the project's folder. It opens whatever it finds
// there, and extends files by leaving holes in them, which on a full disk ends the program that counts. So
// folder, weekday and counter file are made here first, whole, with room for hundreds of counters, and
// checked; if that fails, nothing is opened and nothing is counted.

// room is the length to which a counter file is made, so that it rarely has to be extended.
const room = 4 * counterPage

// crashMonitorVariable tells a process that it is golang.org/x/telemetry's crash monitor.
const crashMonitorVariable = "GO_TELEMETRY_CHILD"

func startCounting(f folder, crashes, rotate bool) error {
	switch runtime.GOOS {
	case "openbsd", "solaris", "android", "illumos", "js", "wasip1", "plan9":
		return fmt.Errorf("golang.org/x/telemetry does not count on %s", runtime.GOOS)
	}
	path, err := prepareCounterFile(f, time.Now())
	if err != nil {
		return fmt.Errorf("nothing is counted: %w", err)
	}
	switch {
	case crashes && rotate && monitorAndRotate(f) == nil:
	case crashes && os.Getenv(crashMonitorVariable) == "":
		telemetry.Start(telemetry.Config{ReportCrashes: true, TelemetryDir: string(f)})
	case rotate && openAndRotate(f) == nil:
	default:
		counter.OpenDir(string(f))
	}
	_, err = os.Lstat(path)
	return err
}

// runIfCrashMonitor waits for the program to end, counts its crash if it crashed, and ends the process, if
// it is the crash monitor.
func runIfCrashMonitor(project *Project, f folder) {
	if project.Crashes && os.Getenv(crashMonitorVariable) == "1" {
		waitForCrash(project, f)
		telemetry.MaybeChild(telemetry.Config{ReportCrashes: true, TelemetryDir: string(f)})
	}
}

// prepareCounterFile makes the file that golang.org/x/telemetry/counter will open, or checks it.
func prepareCounterFile(f folder, now time.Time) (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("the program has no build information")
	}
	of := buildOf(info)
	for _, part := range []string{string(f), f.local()} {
		if err := createFolder(part); err != nil {
			return "", err
		}
	}
	weekday, err := readWeekday(f)
	if err != nil {
		return "", err
	}
	return prepareCounterFileOf(f, of, dayOf(now), weekday)
}

// prepareNextWeek makes the file of the next week shortly before this one ends.
func prepareNextWeek(f folder, now time.Time) error {
	weekday, err := readWeekday(f)
	if err != nil {
		return err
	}
	info, ok := debug.ReadBuildInfo()
	if end := weekEnd(dayOf(now), weekday); ok && end.start().Sub(now) <= 2*checkEvery {
		_, err = prepareCounterFileOf(f, buildOf(info), end, weekday)
	}
	return err
}

func prepareCounterFileOf(f folder, of build, begin day, weekday time.Weekday) (string, error) {
	end := weekEnd(begin, weekday)
	metadata := metadataText(of, begin, end)
	if len(metadata) > maxMetadata {
		return "", fmt.Errorf("the program's name and version are too long: %d bytes of metadata, at most %d fit", len(metadata), maxMetadata)
	}
	file := filepath.Join(f.local(), counterFileName(of, begin))
	if err := mayGrowTo(room); err != nil {
		return "", err
	}
	stat, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return file, makeCounterFile(f, file, metadata)
	}
	if err == nil {
		err = checkFile(file, stat)
	}
	if err == nil {
		err = checkLinks(file, stat)
	}
	if err == nil && stat.Size() > maxCounterFile {
		err = &errUnusable{file, "it is longer than any counter file"}
	}
	if err != nil {
		return "", err
	}
	opened, err := openChecked(file, os.O_RDWR)
	if err != nil {
		return "", err
	}
	defer opened.Close()
	return file, fillHoles(opened, max(stat.Size(), room))
}

// makeCounterFile makes a file without counters, unless another process has just done so.
func makeCounterFile(f folder, path, metadata string) error {
	content := make([]byte, room)
	header := counterHeader(metadata)
	copy(content, header)
	// Each process has a temporary name of its own.
	temporary := filepath.Join(f.local(), fmt.Sprintf(".counters.%d", os.Getpid()))
	if err := remove(temporary); err != nil {
		return err
	}
	made, err := makeFile(temporary)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	_, err = made.Write(content)
	if err == nil {
		err = fillHoles(made, room)
	}
	if closed := made.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	// Not renamed: another process may be counting in its file by now.
	if err := os.Link(temporary, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// buildOf names the program as golang.org/x/telemetry does: everything but a release is devel, so that local
// builds are one version and not thousands.
func buildOf(info *debug.BuildInfo) build {
	toolchain := info.GoVersion
	if strings.Contains(toolchain, "devel") || strings.Contains(toolchain, "-") || !goversion.IsValid(toolchain) {
		toolchain = "devel"
	}
	program := info.Path
	if program == "" {
		program = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	}
	of := info.Main.Version
	if strings.Contains(of, "devel") || strings.Count(of, "-") > 1 {
		of = "devel"
	}
	return build{program, of, toolchain, runtime.GOOS, runtime.GOARCH}
}

func metadataText(of build, begin, end day) string {
	return fmt.Sprintf("TimeBegin: %sT00:00:00Z\nTimeEnd: %sT00:00:00Z\nProgram: %s\nVersion: %s\nGoVersion: %s\nGOOS: %s\nGOARCH: %s\n\n",
		begin, end, of.Program, of.Version, of.GoVersion, of.GOOS, of.GOARCH)
}

func counterFileName(of build, begin day) string {
	at := ""
	if of.Version != "" {
		at = "@" + of.Version
	}
	return fmt.Sprintf("%s%s-%s-%s-%s-%s%s", path.Base(of.Program), at, of.GoVersion, of.GOOS, of.GOARCH, begin, counterSuffix)
}

// weekEnd is the first day after this one that has this weekday.
func weekEnd(begin day, weekday time.Weekday) day {
	days := (7 + weekday - begin.weekday()) % 7
	if days == 0 {
		days = 7
	}
	return begin + day(days)
}

// readWeekday is the weekday on which this machine's weeks end. It is drawn now if it has none yet, so that
// machines report on different days.
func readWeekday(f folder) (time.Weekday, error) {
	path := filepath.Join(f.local(), "weekends")
	drawn := false
	// Programs without this module write the file in two steps, and it is empty in between.
	for range 20 {
		text, err := readFile(path, longestMark)
		switch {
		case err == nil && len(strings.TrimSpace(string(text))) > 0:
			// Whatever the byte, golang.org/x/telemetry takes it for this day.
			return time.Weekday((strings.TrimSpace(string(text))[0] - '0') % 7), nil
		case err == nil:
			time.Sleep(time.Millisecond)
		case errors.Is(err, fs.ErrNotExist) && !drawn:
			if err := drawWeekday(f, path); err != nil {
				return 0, err
			}
			drawn = true
		default:
			return 0, err
		}
	}
	return 0, fmt.Errorf("%s is empty", path)
}

func drawWeekday(f folder, path string) error {
	var random [1]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	temporary := filepath.Join(f.local(), fmt.Sprintf(".weekends.%d", os.Getpid()))
	if err := remove(temporary); err != nil {
		return err
	}
	if err := writeNew(temporary, []byte{'0' + random[0]%7, '\n'}, false); err != nil {
		return err
	}
	defer os.Remove(temporary)
	if err := os.Link(temporary, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
