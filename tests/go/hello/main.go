// Command hello is a program whose maintainers use golang.org/x/telemetry, unmodified. It counts a
// little and exits; with an upload URL it first reports what earlier runs counted.
//
//	hello TELEMETRY_DIR [UPLOAD_URL START_TIME]
package main

import (
	"log"
	"os"
	"time"

	"golang.org/x/telemetry"
	"golang.org/x/telemetry/counter"
)

func main() {
	config := telemetry.Config{TelemetryDir: os.Args[1]}
	if len(os.Args) > 2 {
		start, err := time.Parse(time.RFC3339, os.Args[3])
		if err != nil {
			log.Fatal(err)
		}
		config.Upload = true
		config.UploadURL = os.Args[2]
		config.UploadStartTime = start
	}
	// Start runs this program again as its child, which does the uploading.
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
