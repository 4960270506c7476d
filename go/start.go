package candor

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/telemetry/counter"
)

// Project says who counts, and where reports go. Its values are constants of the program, but for tests.
type Project struct {
	// Name names the project's folder on a user's machine: the path of its program, or any name that its
	// programs agree on. Consent is given to a project, so each has a folder of its own.
	Name string
	// URL is the deployment, with everything at the usual paths: https://telemetry.example.org. If it is
	// empty, counts stay on the machine.
	URL string
	// Module is the module that the deployment publishes configs as: telemetry.example.org/config.
	Module string
	// Trust is the verifier key of the deployment's log, or the text of a policy that also names witnesses
	// (https://c2sp.org/tlog-policy).
	Trust string
	// FreshFor is how old the log's newest head may be by the clocks of its witnesses. The default is a
	// week. Without witnesses the age is unknown.
	FreshFor time.Duration
	// Variable is an environment variable with which a user takes back their choice for one run:
	// MYPROG_TELEMETRY=off or =local. It cannot allow what was not chosen.
	Variable string
	// AskPercent is how many in a hundred of the users who have not chosen yet Start asks whether to opt in: once,
	// at a terminal, and always the same ones. 0 asks nobody. Start waits for the answer, which is no unless it is
	// y or yes. Nobody is asked where CI, DO_NOT_TRACK or Variable is set, nor before the verb telemetry. Whoever
	// says yes is counted as telemetry/prompt:accepted.
	AskPercent float64
	// Crashes counts crashes by their stack, as crash/crash: functions and lines, no values. It needs a
	// second process, golang.org/x/telemetry's crash monitor, for as long as the program runs, and
	// debug.SetCrashOutput, which the program must not use then.
	Crashes bool
	// LongRunning is for programs that run for days: a goroutine checks every quarter of an hour whether the
	// day's work is due, and on Unix the next week's file is opened when a week ends. Without it, only Start
	// does.
	LongRunning bool
	// Folder is the telemetry folder, if it is not the project's own.
	Folder string
	// UploadLimit is how long the day's work may take. The default is five minutes.
	UploadLimit time.Duration
	// AsOf makes reports as if the program were started at this time, for tests and trial runs. Counts are
	// always of the system's time.
	AsOf time.Time
}

// Status says what Start did.
type Status struct {
	// Consent is what the user allows.
	Consent Consent
	// Counting says whether counts are stored.
	Counting bool
	// Err says why they are not, although the user allows it; or what is wrong with the project's values.
	Err error
}

const (
	checkEvery   = 15 * time.Minute
	defaultLimit = 5 * time.Minute
)

// Start stores what the program counts with golang.org/x/telemetry/counter, if the user allows it; counts
// from before the call, too. It returns quickly and never fails; the status says what happened. If counting
// is off, nothing is written.
//
// Call it first in main. If the user has chosen on, and the day's work is not done yet, it starts the
// program's executable again, with one argument of Candor's own and without the program's arguments,
// terminal and open files. In that process this call does the work and does not return: whatever a program
// does before this call, it does twice.
func Start(project Project) (status Status) {
	defer func() {
		if problem := recover(); problem != nil {
			status.Err = fmt.Errorf("telemetry was stopped by a defect of its own: %v", problem)
		}
	}()
	runIfChild()
	f, err := project.folder()
	if err == nil {
		err = mayOpenFiles()
	}
	if err != nil {
		return Status{Consent: Consent{Mode: Off, Why: err.Error()}, Err: err}
	}
	runIfCrashMonitor(&project, f)
	status.Consent = project.consent(f)
	accepted := project.AskPercent > 0 && project.ask(f, status.Consent)
	if accepted {
		status.Consent = project.consent(f)
	}
	if status.Consent.Mode == Off {
		return status
	}
	status.Err = startCounting(f, project.Crashes, project.LongRunning)
	status.Counting = status.Err == nil
	if accepted {
		counter.Inc(acceptedCounter)
	}
	to, err := project.destination()
	if err != nil {
		status.Err = errors.Join(status.Err, err)
	}
	now := project.now()
	var due *task
	if to != nil {
		due = &task{Folder: string(f), Destination: to.json(), Now: now.Unix(), Limit: int64(project.limit() / time.Second)}
		if status.Consent.Mode == On && isPossible() && attempt(f, now) {
			launch(due)
		}
	}
	if project.LongRunning {
		go project.checkRepeatedly(f, due, time.Until(now))
	}
	return status
}

// checkRepeatedly runs until a long-running program ends. Not simply once a day, because timers stop while a
// machine sleeps.
func (project *Project) checkRepeatedly(f folder, due *task, ahead time.Duration) {
	defer func() { _ = recover() }()
	for {
		time.Sleep(checkEvery)
		consent := project.consent(f)
		if consent.Mode == Off {
			continue
		}
		_ = prepareNextWeek(f, time.Now())
		now := time.Now().Add(ahead)
		if due != nil && consent.Mode == On && isPossible() && attempt(f, now) {
			due.Now = now.Unix()
			launch(due)
		}
	}
}

func (project *Project) folder() (folder, error) {
	if project.Folder != "" {
		return folder(project.Folder), nil
	}
	return folderOf(project.Name)
}

func (project *Project) consent(f folder) Consent { return readConsent(f, project.Variable, os.Getenv) }

func (project *Project) now() time.Time {
	if project.AsOf.IsZero() {
		return time.Now()
	}
	return project.AsOf
}

func (project *Project) limit() time.Duration {
	if project.UploadLimit <= 0 {
		return defaultLimit
	}
	return project.UploadLimit
}

// destination is nil if the project names no deployment.
func (project *Project) destination() (*destination, error) {
	if project.URL == "" {
		return nil, nil
	}
	url, err := parseAddress(project.URL)
	if err != nil {
		return nil, err
	}
	if err := module.CheckPath(project.Module); err != nil {
		return nil, err
	}
	trust, err := parseTrust(project.Trust)
	if err != nil {
		return nil, err
	}
	freshFor := project.FreshFor
	if freshFor <= 0 {
		freshFor = defaultFreshFor
	}
	return &destination{
		proxy: address(url.join("goproxy")), log: address(url.join("log")), upload: address(url.join("upload")),
		module: project.Module, trust: trust, freshFor: freshFor,
	}, nil
}
