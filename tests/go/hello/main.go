// Command hello is a program whose maintainers use golang.org/x/telemetry, unmodified. It counts a
// little and exits; with an upload URL it reports what earlier runs counted instead.
//
// It takes no arguments, because the client runs it again, without arguments, as its child:
// TELEMETRY_DIR is the folder, UPLOAD_URL where reports are sent, START_TIME the time at which they
// are, CRASH how it crashes: "deep", below more calls than a crash report has program counters, each
// with another one inlined; or "compare", in a function that the compiler generated for a type.
package main

import (
	"log"
	"os"
	"time"

	"golang.org/x/telemetry"
	"golang.org/x/telemetry/counter"
)

func main() {
	config := telemetry.Config{TelemetryDir: os.Getenv("TELEMETRY_DIR")}
	crash := os.Getenv("CRASH")
	config.ReportCrashes = crash != ""
	if url := os.Getenv("UPLOAD_URL"); url != "" {
		start, err := time.Parse(time.RFC3339, os.Getenv("START_TIME"))
		if err != nil {
			log.Fatal(err)
		}
		config.Upload = true
		config.UploadURL = url
		config.UploadStartTime = start
	}
	result := telemetry.Start(config)
	switch crash {
	case "deep":
		dig(40)
	case "compare":
		type pair = struct {
			A any
			B string
		}
		same(pair{A: []int{}}, pair{A: []int{}})
	}
	if !config.Upload {
		counter.Inc("hello/verb:run")
		counter.Add("hello/verb:help", 2)
		counter.Inc("hello/verb:secret")
		counter.Inc("hello/unnamed")
		counter.Add("hello/rare", 7)
		counter.NewStack("hello/bug", 4).Inc()
	}
	result.Wait()
}

//go:noinline
func dig(depth int) {
	if depth == 0 {
		panic("deep enough")
	}
	further(depth)
}

// further is inlined: a program counter in dig stands for two calls.
func further(depth int) { dig(depth - 1) }

//go:noinline
func same(a, b any) bool { return a == b }
