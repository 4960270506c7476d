// Package candor is Candor's client for Go programs: telemetry that is off until someone turns it on, whose
// questions are published and reviewed, and verified before anything is sent.
//
// Programs count with golang.org/x/telemetry/counter, and call [Start] first in main:
//
//	func main() {
//		candor.Start(candor.Project{
//			Name:   "example.org/myprog",
//			URL:    "https://telemetry.example.org",
//			Module: "telemetry.example.org/config",
//			Trust:  "telemetry.example.org/log+...",
//		})
//		counter.Inc("myprog/verb:build")
//	}
//
// [Project.Command] is the verb for the program's own command line with which its users choose, and see what
// would be sent. Nothing is written before they have chosen local or on, and nothing is sent unless they
// chose on.
//
// There is no go command and no environment variable involved on the user's machine: configs are downloaded
// and verified here, against the log's key or a policy with witnesses, as by Candor's client for Rust, whose
// files these are. Programs in both languages can share a folder.
//
// # What can still harm a program
//
//   - golang.org/x/telemetry maps its counter file into memory. If another program shortens that file
//     meanwhile, the system ends the program. Files are made with room for hundreds of counters; a program
//     that needs more extends its file, and on a full disk that ends it, too.
//   - A program that runs for longer than its week without [Project.LongRunning] goes on counting into the
//     file of that week, which is reported and removed; what it counts afterwards is lost until it is started
//     again. With it, a program whose user turns telemetry off goes on counting until its week ends.
//   - A file system that hangs blocks whatever opens a file on it, as it does everything else.
//
// # Files
//
//	start.go, child*.go, schedule.go     the one call, and the child that does the day's work
//	consent.go, command.go               the user's choice, and the verb for it
//	prompt.go, terminal_*.go             asking once whether to opt in
//	rehearse.go                          a week in a minute, without sending it
//	counting.go, rotate*.go              where golang.org/x/telemetry counts
//	crashes_unix.go                      the crash monitor of a program that runs for days
//	counterfile.go                       how counter files are read
//	weeks.go, run.go, filter.go          from counter files to weeks, and to what is sent
//	config.go, frame.go, report.go       the collection config, the grammar of stacks, a report's text
//	fetch.go, known.go, memory.go        the verified download of configs, and what is remembered of it
//	note.go, policy.go, evidence.go      signed notes, policies of witnesses, evidence of a fork
//	files*.go, lock*.go, holes*.go       files that may be anything
//	http.go, folder.go, day.go           the network, the folder, the calendar
package candor
