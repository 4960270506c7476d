//go:build unix || windows

package candor

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
)

// launch starts a worker. Returns at once and never fails.
func launch(task *task) {
	text, err := json.Marshal(task)
	if err != nil || len(text) > longestTask {
		return
	}
	executable, err := executable()
	if err != nil {
		return
	}
	worker := exec.Command(executable, childArgument)
	worker.Args[0] = os.Args[0]
	worker.Env = append(passedOn(os.Environ()), childVariable+"="+string(text))
	worker.SysProcAttr = detached()
	if runtime.GOOS != "windows" {
		worker.Dir = "/"
	}
	if worker.Start() == nil {
		// A process that nobody waits for remains as a zombie for as long as the host runs.
		go func() { _ = worker.Wait() }()
	}
}

// executable is that of this process. On Linux it is the same file, even if it was replaced or deleted since.
func executable() (string, error) {
	if runtime.GOOS == "linux" || runtime.GOOS == "android" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}
