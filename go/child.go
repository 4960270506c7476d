package candor

import (
	"encoding/json"
	"os"
	"runtime"
	"strings"
	"time"
)

// The day's work is done by a child: a detached process of the same executable, so that even a program that
// runs for milliseconds gets its reports sent, and no program waits for the network.
//
//   - Once a day, and one at a time: see schedule.go. The worker holds a lock.
//   - Nothing is kept open: it has a session of its own, no terminal, pipe or file of the host, and / as its
//     working directory.
//   - A chosen environment: where the user's folders, the network's proxies and the executable's libraries
//     are, and nothing else of the host's.
//   - Not for ever: it ends after a few minutes, whatever the network does.
//   - No harm: if no child can be started, there is none. The attempt is noted before it is made, so that a
//     failure happens a few times a day, not at every start.
//
// It is told its role by an argument and an environment variable: one alone, inherited or typed by accident,
// does not make a process a child.

const (
	childArgument = "candor-telemetry-child"
	childVariable = "CANDOR_TELEMETRY_CHILD"
	// longestTask: Linux allows 128 KiB for one environment variable.
	longestTask = 120 << 10
)

// A task is what a host tells its child to do.
type task struct {
	Folder      string
	Destination destinationJSON
	// Now is the time to go by, and Limit how long the work may take, in seconds.
	Now, Limit int64
}

// runIfChild does the day's work and ends the process, if it is a child.
func runIfChild() {
	text, ok := os.LookupEnv(childVariable)
	if !ok || len(os.Args) != 2 || os.Args[1] != childArgument || isSetuid() {
		return
	}
	// From here on it must not act as a host, whatever happens.
	defer os.Exit(0)
	defer func() { _ = recover() }()
	var task task
	if json.Unmarshal([]byte(text), &task) != nil {
		return
	}
	os.Unsetenv(childVariable)
	closeInherited()
	today := dayOf(time.Unix(task.Now, 0))
	time.AfterFunc(time.Duration(task.Limit)*time.Second, func() {
		// Counts as done: what took too long today is tried again tomorrow.
		_ = noteDone(folder(task.Folder), today)
		os.Exit(0)
	})
	work(&task)
}

// work does the day's work, unless it was done or another process is doing it.
func work(task *task) {
	f, now := folder(task.Folder), time.Unix(task.Now, 0)
	to, err := task.Destination.destination()
	if err != nil || createFolder(f.own()) != nil {
		return
	}
	lock, err := openShared(f.ownFile("worker"))
	if err != nil {
		return
	}
	// Held until the process ends.
	if won, _ := tryLock(lock); !won || isDone(f, dayOf(now)) {
		return
	}
	defer func() {
		// The day's work counts as done whatever went wrong, and is tried again tomorrow.
		_ = recover()
		_ = noteDone(f, dayOf(now))
		runtime.KeepAlive(lock)
	}()
	// The project's variable is not passed on: a host that it turns off starts no child.
	consent := func() Consent { return readConsent(f, "", os.Getenv) }
	run := &run{folder: f, to: to, network: web{}, now: now, consent: consent, draw: drawX}
	_ = run.do()
}

// isPossible says whether this process can start children.
func isPossible() bool { return !isSetuid() && os.Getpid() != 1 && len(os.Args) > 0 }

// passedOn is the environment for a child.
func passedOn(environment []string) []string {
	names := map[string]bool{}
	for _, name := range []string{
		"path", "home", "user", "logname", "lang", "tmpdir", "temp", "tmp",
		// Windows.
		"appdata", "localappdata", "userprofile", "systemroot", "windir",
		// The network.
		"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir",
		// Where the executable's libraries are.
		"ld_library_path", "dyld_library_path", "dyld_fallback_library_path", "dyld_framework_path",
		"dyld_fallback_framework_path",
		// Consent, although a host that has this set starts no child.
		"do_not_track",
		// Where coverage of tests is written.
		"gocoverdir",
	} {
		names[name] = true
	}
	var passed []string
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if name = strings.ToLower(name); names[name] || strings.HasPrefix(name, "xdg_") {
			passed = append(passed, entry)
		}
	}
	return passed
}
