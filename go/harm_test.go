//go:build unix

package candor

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/telemetry/counter"
)

// A vkey of a log that nobody has.
const someKey = "telemetry.example.org/log+f0891648+AdX/Ym1Hebo9OrM1RtQjVket87196bqGfi20GKwSfGB4"

// The test's own executable is the host, and its child.
func TestMain(m *testing.M) {
	if os.Getenv("CANDOR_TEST_HOST") == "" && os.Getenv(childVariable) == "" && os.Getenv(crashMonitorVariable) != "1" {
		os.Exit(m.Run())
	}
	asked := 0.0
	if os.Getenv("CANDOR_TEST_ASK") != "" {
		asked = 100
	}
	status := Start(Project{
		Name:       "example.org/tool",
		AskPercent: asked,
		Folder:     os.Getenv("CANDOR_TEST_ROTATE"),
		Variable:   "TOOL_TELEMETRY",
		URL:        os.Getenv("CANDOR_TEST_URL"),
		Module:     "telemetry.example.org/config",
		Trust:      someKey,
		Crashes:    os.Getenv("CANDOR_TEST_CRASHES") != "" || os.Getenv(crashMonitorVariable) == "1",
	})
	for i := range 300 {
		counter.Inc(fmt.Sprintf("tool/number:%d", i))
	}
	counter.NewStack("tool/stack", 8).Inc()
	fmt.Printf("alive %v %v\n", status.Counting, status.Err)
	os.Exit(0)
}

// runHost runs the host in this home, and returns what it printed. It must end soon, whatever is there.
func runHost(t *testing.T, home string, wrap ...string) string {
	t.Helper()
	limit, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	arguments := append(wrap, executable)
	host := exec.CommandContext(limit, arguments[0], arguments[1:]...)
	// An address at which nobody listens.
	host.Env = []string{"CANDOR_TEST_HOST=1", "CANDOR_TEST_URL=http://127.0.0.1:1", "PATH=/bin:/usr/bin"}
	if home != "" {
		host.Env = append(host.Env, "HOME="+home)
	}
	var output, errors bytes.Buffer
	host.Stdout, host.Stderr = &output, &errors
	if err := host.Run(); err != nil {
		t.Fatalf("the host was harmed: %v\n%s%s", err, output.String(), errors.String())
	}
	if !strings.HasPrefix(output.String(), "alive ") || errors.Len() > 0 {
		t.Fatalf("the host said %q and %q", output.String(), errors.String())
	}
	return output.String()
}

// tempHome is a folder that is removed once the children that still write into it have ended.
func tempHome(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("", "candor-home-")
	must(t, err)
	t.Cleanup(func() {
		for begun := time.Now(); os.RemoveAll(home) != nil && time.Since(begun) < time.Minute; {
			time.Sleep(20 * time.Millisecond)
		}
	})
	return home
}

func toolFolder(home string) folder {
	return folder(filepath.Join(home, ".config", "candor", "example.org%2Ftool"))
}

// optedIn is a home whose user chose on long ago, and where the program has counted.
func optedIn(t *testing.T) (string, folder) {
	t.Helper()
	home := tempHome(t)
	f := toolFolder(home)
	if err := storeMode(f, On, 0); err != nil {
		t.Fatal(err)
	}
	if said := runHost(t, home); !strings.HasPrefix(said, "alive true <nil>") {
		t.Fatalf("it does not count: %s", said)
	}
	awaitWorker(t, f)
	return home, f
}

func awaitWorker(t *testing.T, f folder) {
	t.Helper()
	// It notes that it is done, and then forgets the attempt.
	attempted := func() bool { _, err := os.Lstat(f.ownFile("attempt")); return err == nil }
	for begun := time.Now(); !isDone(f, dayOf(time.Now())) || attempted(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal("the worker has not ended")
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWithoutAHomeTheProgramRuns(t *testing.T) {
	for _, home := range []string{"", "relative", "/dev/null", "/proc", filepath.Join(t.TempDir(), "missing")} {
		if said := runHost(t, home); !strings.HasPrefix(said, "alive false") {
			t.Errorf("%q: %s", home, said)
		}
	}
}

func TestNothingIsWrittenBeforeAnyoneHasChosen(t *testing.T) {
	home := tempHome(t)
	runHost(t, home)
	if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
		t.Errorf("%v %v", entries, err)
	}
	must(t, storeMode(toolFolder(home), Off, 0))
	runHost(t, home)
	if entries, err := os.ReadDir(string(toolFolder(home))); err != nil || len(entries) != 1 {
		t.Errorf("%v %v", entries, err)
	}
}

func TestWhateverIsInTheFolderTheProgramRuns(t *testing.T) {
	zero := func(path string) error { return os.Symlink("/dev/zero", path) }
	pipe := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	folder := func(path string) error { return os.Mkdir(path, 0o700) }
	garbage := func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("garbage\n"), 4096), 0o600) }
	empty := func(path string) error { return os.WriteFile(path, nil, 0o600) }
	names := []string{
		"", "mode", "local", "local/weekends", "local/COUNTERS", "upload", "candor", "candor/lock", "candor/worker", "candor/worked",
		"candor/attempt", "candor/destination.json", "candor/config.json", "candor/failure.json", "candor/tmp", "candor/seen", "candor/.lock",
	}
	for _, name := range names {
		for kind, make := range map[string]func(string) error{"zero": zero, "pipe": pipe, "folder": folder, "garbage": garbage, "empty": empty} {
			t.Run(name+" is "+kind, func(t *testing.T) {
				t.Parallel()
				home, f := optedIn(t)
				path := filepath.Join(string(f), name)
				if strings.HasSuffix(name, "COUNTERS") {
					found, err := filepath.Glob(filepath.Join(f.local(), "*"+counterSuffix))
					if err != nil || len(found) != 1 {
						t.Fatal(found, err)
					}
					path = found[0]
				}
				// So that a worker is started once more.
				must(t, remove(f.ownFile("worked")))
				must(t, os.RemoveAll(path))
				must(t, make(path))
				runHost(t, home)
				// The worker is not harmed either; a person must remove some of these things.
				time.Sleep(100 * time.Millisecond)
				runHost(t, home)
			})
		}
	}
}

func TestACounterFileUnderTwoNamesIsNotWritten(t *testing.T) {
	home, f := optedIn(t)
	found, _ := filepath.Glob(filepath.Join(f.local(), "*"+counterSuffix))
	must(t, os.Link(found[0], filepath.Join(home, "precious")))
	before, err := os.ReadFile(found[0])
	must(t, err)
	if said := runHost(t, home); !strings.Contains(said, "2 names") {
		t.Error(said)
	}
	after, err := os.ReadFile(found[0])
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("it was written")
	}
}

func TestLimitsOfTheProcessDoNotEndIt(t *testing.T) {
	for _, limit := range []string{"-f 0", "-f 10", "-n 6", "-n 8", "-n 12", "-n 16", "-n 20", "-n 24", "-n 28"} {
		for _, known := range []bool{false, true} {
			home := tempHome(t)
			must(t, storeMode(toolFolder(home), On, 0))
			if known {
				home, _ = optedIn(t)
			}
			runHost(t, home, "sh", "-c", "ulimit "+limit+`; exec "$0"`)
		}
	}
}

func TestAFullDiskIsNotNoticed(t *testing.T) {
	// Full when the folder is made, the counter file, or while it is counted into.
	for _, size := range []string{"4k", "8k", "12k", "16k", "20k", "24k", "28k", "32k", "64k", "72k", "76k", "80k", "84k", "88k", "128k"} {
		home := tempHome(t)
		if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", home).CombinedOutput(); err != nil {
			t.Skipf("no small disk can be made here: %s", output)
		}
		t.Cleanup(func() { _ = exec.Command("umount", "-l", home).Run() })
		f := toolFolder(home)
		if storeMode(f, On, 0) != nil {
			continue
		}
		for range 3 {
			runHost(t, home)
		}
	}
}

func TestAProgramWithoutANetworkTriesAgainAnotherDay(t *testing.T) {
	home, f := optedIn(t)
	letAWeekPass(t, f)
	runHost(t, home)
	awaitWorker(t, f)
	files, err := readListing(f)
	must(t, err)
	if len(files.pending) != 1 || len(files.ready) != 0 || readFailure(f) == nil || readFailure(f).Check {
		t.Errorf("%+v %+v", files, readFailure(f))
	}
	must(t, remove(f.ownFile("worked")))
	runHost(t, home)
	awaitWorker(t, f)
}

// letAWeekPass makes what was counted eight days older.
func letAWeekPass(t *testing.T, f folder) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(f.local(), "*"+counterSuffix))
	must(t, err)
	for _, path := range found {
		content, err := os.ReadFile(path)
		must(t, err)
		for _, key := range []string{"TimeBegin: ", "TimeEnd: "} {
			at := bytes.Index(content, []byte(key)) + len(key)
			date, err := parseDay(string(content[at : at+10]))
			must(t, err)
			copy(content[at:], (date - 8).String())
		}
		must(t, os.WriteFile(path, content, 0o600))
	}
	must(t, remove(f.ownFile("worked")))
	must(t, remove(f.ownFile("attempt")))
}

func TestAWorkerThatIsKilledIsFollowedByAnother(t *testing.T) {
	home, f := optedIn(t)
	letAWeekPass(t, f)
	// A server that never answers.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	connected := make(chan net.Conn, 16)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			connected <- connection
		}
	}()
	executable, err := os.Executable()
	must(t, err)
	start := func() {
		host := exec.Command(executable)
		host.Env = []string{"CANDOR_TEST_HOST=1", "CANDOR_TEST_URL=http://" + listener.Addr().String(), "HOME=" + home}
		must(t, host.Run())
	}
	start()
	defer (<-connected).Close()
	// It holds the lock, so nobody else works meanwhile.
	lock, err := openShared(f.ownFile("worker"))
	must(t, err)
	if won, err := tryLock(lock); won || err != nil {
		t.Fatal("the worker does not hold its lock", err)
	}
	worker := workerOf(t, f)
	must(t, syscall.Kill(worker, syscall.SIGKILL))
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		won, err := tryLock(lock)
		must(t, err)
		if won {
			break
		}
		if time.Since(begun) > time.Minute {
			t.Fatal("the lock of a dead worker is still held")
		}
	}
	lock.Close()
	// Not at every start; but after a quarter of an hour.
	if attempt(f, time.Now()) || !attempt(f, time.Now().Add(16*time.Minute)) {
		t.Error("the pause is not a quarter of an hour")
	}
	files, err := readListing(f)
	must(t, err)
	if len(files.local) != 1 || len(files.pending) != 1 {
		t.Errorf("%+v", files)
	}
}

// workerOf finds the process that works on a folder, by its environment.
func workerOf(t *testing.T, f folder) int {
	t.Helper()
	found, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range found {
		environment, _ := os.ReadFile(path)
		if bytes.Contains(environment, []byte(childVariable+"=")) && bytes.Contains(environment, []byte(string(f))) {
			var number int
			if _, err := fmt.Sscanf(path, "/proc/%d/environ", &number); err == nil {
				return number
			}
		}
	}
	t.Skip("processes cannot be listed here")
	return 0
}

func TestACrashIsCountedByTheCrashMonitor(t *testing.T) {
	home, f := optedIn(t)
	executable, err := os.Executable()
	must(t, err)
	host := exec.Command(executable)
	host.Env = []string{"CANDOR_TEST_HOST=1", "CANDOR_TEST_CRASHES=1", "HOME=" + home, "PATH="}
	must(t, host.Run())
	if found, _ := filepath.Glob(filepath.Join(f.local(), "*"+counterSuffix)); len(found) != 1 {
		t.Error(found)
	}
}
