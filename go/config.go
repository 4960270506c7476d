package candor

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// allowed is a collection config, indexed for what is checked before a report is sent.
type allowed struct {
	goos, goarch, toolchains map[string]bool
	sampleRate               float64
	programs                 map[string]*allowedProgram
}

type allowedProgram struct {
	versions map[string]bool
	counters map[string]float64
	stacks   map[string]allowedStack
}

type allowedStack struct {
	rate  float64
	depth uint32
}

// parseConfig reads a published config.json: Go's UploadConfig. What Go always writes must be there; other
// fields, which a later version may add, are ignored.
func parseConfig(text []byte) (*allowed, error) {
	config, err := parseConfigFields(text)
	if err != nil {
		return nil, fmt.Errorf("this is not a collection config: %w", err)
	}
	return config, nil
}

func parseConfigFields(text []byte) (*allowed, error) {
	fields, err := object(text)
	if err != nil {
		return nil, err
	}
	config := &allowed{programs: make(map[string]*allowedProgram)}
	for name, set := range map[string]*map[string]bool{
		"GOOS": &config.goos, "GOARCH": &config.goarch, "GoVersion": &config.toolchains,
	} {
		if *set, err = stringSet(fields, name); err != nil {
			return nil, err
		}
	}
	if config.sampleRate, err = rateField(fields, "SampleRate"); err != nil {
		return nil, err
	}
	programs, err := objects(fields, "Programs", true)
	if err != nil {
		return nil, err
	}
	for _, fields := range programs {
		name, err := stringField(fields, "Name")
		if err != nil {
			return nil, err
		}
		// A program that is listed twice may report what either entry says.
		program := config.programs[name]
		if program == nil {
			program = &allowedProgram{make(map[string]bool), make(map[string]float64), make(map[string]allowedStack)}
			config.programs[name] = program
		}
		if err := program.add(fields); err != nil {
			return nil, err
		}
	}
	return config, nil
}

// add adds one entry. As in Go's client there is one rate a name, for counters and stacks alike, and of a
// counter that is listed twice the last entry counts.
func (program *allowedProgram) add(fields map[string]json.RawMessage) error {
	versions, err := stringSet(fields, "Versions")
	if err != nil {
		return err
	}
	for version := range versions {
		program.versions[version] = true
	}
	counters, err := objects(fields, "Counters", false)
	if err != nil {
		return err
	}
	for _, fields := range counters {
		expression, err := stringField(fields, "Name")
		if err != nil {
			return err
		}
		rate, err := rateField(fields, "Rate")
		if err != nil {
			return err
		}
		for _, name := range expand(expression) {
			if stack, ok := program.stacks[name]; ok {
				stack.rate = rate
				program.stacks[name] = stack
			}
			program.counters[name] = rate
		}
	}
	stacks, err := objects(fields, "Stacks", false)
	if err != nil {
		return err
	}
	for _, fields := range stacks {
		name, err := stringField(fields, "Name")
		if err != nil {
			return err
		}
		rate, err := rateField(fields, "Rate")
		if err != nil {
			return err
		}
		stack := allowedStack{rate: rate}
		if depth, ok := fields["Depth"]; ok {
			if isNull(depth) || json.Unmarshal(depth, &stack.depth) != nil {
				return errors.New("Depth is not a number of frames")
			}
		}
		if _, ok := program.counters[name]; ok {
			program.counters[name] = rate
		}
		program.stacks[name] = stack
	}
	return nil
}

// expand gives the names that an expression stands for: chart:{a,b} is chart:a and chart:b. It reads the
// expressions of a config as Go's client does, whatever they hold.
func expand(expression string) []string {
	prefix, buckets, group := strings.Cut(expression, "{")
	if !group {
		return []string{expression}
	}
	names := strings.Split(strings.TrimSuffix(buckets, "}"), ",")
	for i, bucket := range names {
		names[i] = prefix + bucket
	}
	return names
}

// The names of JSON's fields are compared exactly, which encoding/json alone does not do.

func object(text []byte) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	if fields == nil {
		return nil, errors.New("null is not an object")
	}
	return fields, nil
}

func isNull(text json.RawMessage) bool { return string(text) == "null" }

func field(fields map[string]json.RawMessage, name string, to any) error {
	text, ok := fields[name]
	if !ok {
		return fmt.Errorf("%s is missing", name)
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func stringField(fields map[string]json.RawMessage, name string) (string, error) {
	var text *string
	if err := field(fields, name, &text); err != nil {
		return "", err
	}
	if text == nil {
		return "", fmt.Errorf("%s is null", name)
	}
	return *text, nil
}

// stringSet reads a list of strings; null is an empty one, as Go writes it.
func stringSet(fields map[string]json.RawMessage, name string) (map[string]bool, error) {
	var list []*string
	if err := field(fields, name, &list); err != nil {
		return nil, err
	}
	set := make(map[string]bool, len(list))
	for _, text := range list {
		if text == nil {
			return nil, fmt.Errorf("%s has a null", name)
		}
		set[*text] = true
	}
	return set, nil
}

func objects(fields map[string]json.RawMessage, name string, required bool) ([]map[string]json.RawMessage, error) {
	if _, ok := fields[name]; !ok && !required {
		return nil, nil
	}
	var list []map[string]json.RawMessage
	if err := field(fields, name, &list); err != nil {
		return nil, err
	}
	for _, item := range list {
		if item == nil {
			return nil, fmt.Errorf("%s has a null", name)
		}
	}
	return list, nil
}

func rateField(fields map[string]json.RawMessage, name string) (float64, error) {
	var rate *float64
	if err := field(fields, name, &rate); err != nil {
		return 0, err
	}
	if rate == nil || math.IsNaN(*rate) || *rate < 0 || *rate > 1 {
		return 0, fmt.Errorf("%s is not a rate: a rate lies between 0 and 1", name)
	}
	return *rate, nil
}

// A version is N of the config version v0.N.0, whose record is entry N-1 of the log.
type version int64

func (v version) String() string { return "v0." + strconv.FormatInt(int64(v), 10) + ".0" }

func parseVersion(text string) (version, error) {
	digits, ok := strings.CutPrefix(text, "v0.")
	if ok {
		digits, ok = strings.CutSuffix(digits, ".0")
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || number < 1 || version(number).String() != text {
		return 0, fmt.Errorf("version %.40q is not of the form v0.N.0, N counting up from 1", text)
	}
	return version(number), nil
}
