package candor

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// withheld is something that is not sent, and why: a whole report, a build of it, or a counter or stack.
type withheld struct {
	build  *build
	name   string
	reason string
	// notSampled says that the whole report is not in the sample.
	notSampled bool
}

// What the config does not have, in the words of Candor's client for Rust.
const (
	nothingAsked      = "the config asks for nothing in it"
	unlistedProgram   = "the config does not list the program"
	unlistedVersion   = "the config does not list the version"
	unlistedToolchain = "the config does not list the toolchain"
	unlistedGOOS      = "the config does not list the operating system"
	unlistedGOARCH    = "the config does not list the architecture"
	unlistedCounter   = "the config does not list the counter"
)

// filter divides a local report into what is sent, if anything is, and what is not and why. Only what the
// config lists is sent. The same function makes what is sent and what is shown beforehand.
func filter(local *report, x float64, config *allowed, version, lastWeek string) (*report, []withheld) {
	if x > config.sampleRate {
		reason := fmt.Sprintf("not in the sample: X is %.4f, and the rate %.4f", x, config.sampleRate)
		return nil, []withheld{{reason: reason, notSampled: true}}
	}
	var out []withheld
	var programs []*programReport
	for _, program := range local.Programs {
		rules, reason := config.rulesFor(program)
		if reason != "" {
			build := program.build()
			out = append(out, withheld{build: &build, reason: reason})
			continue
		}
		kept, left := filterProgram(program, rules, x)
		programs, out = append(programs, kept), append(out, left...)
	}
	if len(programs) == 0 {
		// It would only say that this machine exists.
		return nil, append(out, withheld{reason: nothingAsked})
	}
	return &report{local.Week, lastWeek, x, programs, version}, out
}

func (config *allowed) rulesFor(program *programReport) (*allowedProgram, string) {
	rules := config.programs[program.Program]
	switch {
	case rules == nil:
		return nil, unlistedProgram
	case !rules.versions[program.Version]:
		return nil, unlistedVersion
	case !config.toolchains[program.GoVersion]:
		return nil, unlistedToolchain
	case !config.goos[program.GOOS]:
		return nil, unlistedGOOS
	case !config.goarch[program.GOARCH]:
		return nil, unlistedGOARCH
	}
	return rules, ""
}

// filterProgram keeps a program that the config lists even without counters: charts of versions and
// platforms are made from the fact that it was used.
func filterProgram(program *programReport, rules *allowedProgram, x float64) (*programReport, []withheld) {
	var out []withheld
	build := program.build()
	withhold := func(name, reason string) { out = append(out, withheld{build: &build, name: name, reason: reason}) }
	counters, stacks := make(map[string]int64), make(map[string]int64)
	for _, name := range sortedNames(program.Counters) {
		count := program.Counters[name]
		rate, listed := rules.counters[name]
		if reason := whyNot(count, listed, rate, x); reason != "" {
			withhold(name, reason)
		} else {
			counters[name] = count
		}
	}
	// Stacks that differ only below the depth become one.
	for _, whole := range sortedNames(program.Stacks) {
		count := program.Stacks[whole]
		name, frames, _ := strings.Cut(whole, "\n")
		rule, listed := rules.stacks[name]
		if reason := whyNot(count, listed, rule.rate, x); reason != "" {
			withhold(whole, reason)
			continue
		}
		kept, cut, ok := keepFrames(frames, rule.depth)
		if !ok {
			withhold(whole, "a line of the stack is not a function and a line number")
			continue
		}
		kept = name + "\n" + kept
		stacks[kept] = int64(min(saturatingAdd(uint64(stacks[kept]), uint64(count)), math.MaxInt64))
		if cut {
			withhold(whole, fmt.Sprintf("only the first %d frames are sent", rule.depth))
		}
	}
	return reportOf(build, counters, stacks), out
}

func whyNot(count int64, listed bool, rate, x float64) string {
	switch {
	case count <= 0:
		return "never counted"
	case !listed:
		return unlistedCounter
	case x > rate:
		return fmt.Sprintf("not in the sample: X is %.4f, and its rate %.4f", x, rate)
	}
	return ""
}

func sortedNames(counts map[string]int64) []string { return slices.Sorted(maps.Keys(counts)) }
