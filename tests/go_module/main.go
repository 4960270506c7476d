// Command hello is a program of a project that uses Candor's Go module, for tests. What a real program has
// as constants comes from the environment: TEST_URL, TEST_TRUST.
//
//	hello              counts a little and exits
//	hello crash        counts crashes, and crashes
//	hello telemetry …  the verb for its users
package main

import (
	"os"

	"golang.org/x/telemetry/counter"
	"telemetry.example.org/candor"
)

func main() {
	verb := ""
	if len(os.Args) > 1 {
		verb = os.Args[1]
	}
	project := candor.Project{
		Name:     "example.org/hello",
		URL:      os.Getenv("TEST_URL"),
		Module:   "telemetry.example.org/config",
		Trust:    os.Getenv("TEST_TRUST"),
		Variable: "HELLO_TELEMETRY",
		Crashes:  verb == "crash" || os.Getenv("GO_TELEMETRY_CHILD") != "",
	}
	status := candor.Start(project)
	switch verb {
	case "telemetry":
		os.Exit(project.Command(os.Args[2:], os.Stdout, os.Stderr))
	case "crash":
		panic("as the test asked")
	}
	counter.Inc("hello/verb:run")
	counter.Add("hello/verb:help", 2)
	counter.Inc("hello/verb:secret")
	counter.NewStack("hello/bug", 4).Inc()
	if os.Getenv("TEST_SHOW") != "" {
		if status.Err != nil {
			os.Stdout.WriteString(status.Err.Error() + "\n")
		} else {
			os.Stdout.WriteString(string(status.Consent.Mode) + "\n")
		}
	}
}
