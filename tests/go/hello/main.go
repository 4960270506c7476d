// Command hello is a program whose maintainers use golang.org/x/telemetry, unmodified. It counts a
// little and exits; with an upload URL it reports what earlier runs counted instead.
//
// It takes no arguments, for the client runs it again, without them, as its own child:
// TELEMETRY_DIR is the folder, UPLOAD_URL where reports are sent, START_TIME what time it is then.
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
