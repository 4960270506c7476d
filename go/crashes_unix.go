//go:build unix

package candor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/telemetry"
)

// golang.org/x/telemetry starts its crash monitor only where it opens the counters of one week for good, and the
// monitor opens that week's file, too. So for a program that runs for days, the monitor is started here, as
// golang.org/x/telemetry starts it: with a pipe to which Go's runtime writes the crash, after the address of a
// function, from which the monitor knows where code is in the crashed process. What is different: it opens the
// counters when a crash has come, so that it is counted in the week in which it happened.

const (
	// ownMonitorVariable tells a crash monitor that it was started here.
	ownMonitorVariable = "CANDOR_TELEMETRY_CRASHES"
	// sentinelName is the function whose address the monitor expects.
	sentinelName = "golang.org/x/telemetry/internal/crashmonitor.sentinel"
	// sentinelWithin is among how many functions it is looked for.
	sentinelWithin = 100_000
	// longestCrash is how much of a crash is read, in bytes: far more than its first stack.
	longestCrash = 16 << 20
)

// monitorAndRotate counts crashes, and opens the next week's file when a week ends. not says why that is not
// possible; then nothing was opened.
func monitorAndRotate(f folder) (not error) {
	sentinel := crashSentinel()
	if sentinel == 0 {
		return errors.New("golang.org/x/telemetry has another crash monitor than is known here")
	}
	if err := openAndRotate(f); err != nil {
		return err
	}
	// Without a monitor, the rest is counted.
	_ = startCrashMonitor(f, sentinel)
	return nil
}

func startCrashMonitor(f folder, sentinel uintptr) error {
	executable, err := executable()
	if err != nil {
		return err
	}
	monitor := exec.Command(executable, "** telemetry **")
	monitor.Args[0] = os.Args[0]
	monitor.Env = append(os.Environ(), crashMonitorVariable+"=1", ownMonitorVariable+"=1")
	monitor.Dir = f.local()
	monitor.SysProcAttr = detached()
	pipe, err := monitor.StdinPipe()
	if err != nil {
		return err
	}
	file, ok := pipe.(*os.File)
	if !ok {
		return errors.New("the pipe to the crash monitor is not a file")
	}
	if err := monitor.Start(); err != nil {
		return err
	}
	// It ends when this process does, and init takes care of it.
	if err := monitor.Process.Release(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(file, "sentinel %x\n", sentinel); err != nil {
		return err
	}
	// With the addresses of code.
	debug.SetTraceback("system")
	return debug.SetCrashOutput(file, debug.CrashOptions{})
}

// waitForCrash waits for the program to end, if this process is a crash monitor that was started here. If it
// has crashed, what it wrote is left on standard input, and the file of this week is there to be counted in.
func waitForCrash(project *Project, f folder) {
	if os.Getenv(ownMonitorVariable) == "" {
		return
	}
	os.Unsetenv(ownMonitorVariable)
	crash, err := io.ReadAll(io.LimitReader(os.Stdin, longestCrash))
	// The first line is written at the start.
	if err != nil || bytes.Count(crash, []byte("\n")) < 2 || project.consent(f).Mode == Off {
		os.Exit(0)
	}
	if _, err := prepareCounterFile(f, time.Now()); err != nil {
		os.Exit(0)
	}
	from, to, err := os.Pipe()
	if err != nil {
		os.Exit(0)
	}
	os.Stdin = from
	go func() {
		_, _ = to.Write(crash)
		_ = to.Close()
	}()
}

// crashSentinel is the address of the function that the crash monitor knows; 0 if it is not there. It is in
// a package that was linked near this one.
func crashSentinel() uintptr {
	at := reflect.ValueOf(telemetry.Start).Pointer()
	for range sentinelWithin {
		function := runtime.FuncForPC(at)
		if function == nil {
			return 0
		}
		// At its entry, a function is itself, and not one that was inlined in it.
		entry := function.Entry()
		if function = runtime.FuncForPC(entry); function != nil && function.Name() == sentinelName {
			return entry
		}
		at = entry - 1
	}
	return 0
}
