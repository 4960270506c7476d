package candor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// noConfig is the config of a report that was made without one, as Go's client writes it.
const noConfig = "v0.0.0-0"

// A report is one machine's counts of one week, as they are sent: Go's telemetry.Report. The local report
// has the same fields; until its X is drawn, X is 0 and Config is noConfig.
type report struct {
	Week     string
	LastWeek string
	X        float64
	Programs []*programReport
	Config   string
}

// A programReport is what one build of one program counted.
type programReport struct {
	Program   string
	Version   string
	GoVersion string
	GOOS      string
	GOARCH    string
	Counters  map[string]int64
	Stacks    map[string]int64
}

func reportOf(b build, counters, stacks map[string]int64) *programReport {
	return &programReport{b.Program, b.Version, b.GoVersion, b.GOOS, b.GOARCH, counters, stacks}
}

func (p *programReport) build() build {
	return build{p.Program, p.Version, p.GoVersion, p.GOOS, p.GOARCH}
}

// json is the text that is stored and sent.
func (r *report) json() ([]byte, error) { return json.MarshalIndent(r, "", " ") }

// isDrawn says whether the report has an X and the version of the config that it is filtered by.
func (r *report) isDrawn() bool {
	_, err := parseVersion(r.Config)
	return r.X > 0 && r.X <= 1 && err == nil
}

// parseReport reads a report that this machine wrote.
func parseReport(data []byte) (*report, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	read := new(report)
	if err := decoder.Decode(read); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("it goes on after its end")
	}
	if _, err := parseDay(read.Week); err != nil {
		return nil, err
	}
	for _, program := range read.Programs {
		if program == nil {
			return nil, errors.New("a program is null")
		}
	}
	return read, nil
}

func (r *report) week() (day, error) {
	week, err := parseDay(r.Week)
	if err != nil {
		return 0, fmt.Errorf("the week of a report: %w", err)
	}
	return week, nil
}
