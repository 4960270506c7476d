package candor

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"time"
)

// grace is how long after its end a week is not touched: clocks are adjusted, and a count may take a while.
const grace = 20 * time.Minute

// A week has what was counted in all files that end on one day.
type week struct {
	// begin is the first day on which any of it was counted.
	begin day
	// end is the first day after it.
	end      day
	files    []string
	programs []*programReport
}

type unreadable struct{ path, reason string }

// readWeeks reads counter files: weeks that have ended, and those that have not, the oldest first; and
// files that could not be read, which stay where they are.
func readWeeks(files []string, now time.Time) (ended, counting []week, broken []unreadable) {
	type counted struct{ counters, stacks map[string]int64 }
	type weekOf struct {
		begin  day
		files  []string
		builds map[build]counted
	}
	byEnd := make(map[day]*weekOf)
	for _, path := range files {
		data, err := readFile(path, maxCounterFile)
		var file *counterFile
		if err == nil {
			file, err = parseCounterFile(data)
		}
		if err != nil {
			// One that another process has removed meanwhile is skipped.
			if _, gone := os.Lstat(path); !errors.Is(gone, fs.ErrNotExist) {
				broken = append(broken, unreadable{path, err.Error()})
			}
			continue
		}
		of := byEnd[file.end]
		if of == nil {
			of = &weekOf{begin: file.begin, builds: make(map[build]counted)}
			byEnd[file.end] = of
		}
		of.begin = min(of.begin, file.begin)
		of.files = append(of.files, path)
		sums, ok := of.builds[file.build]
		if !ok {
			sums = counted{make(map[string]int64), make(map[string]int64)}
			of.builds[file.build] = sums
		}
		for name, count := range file.counts {
			// A counter that was looked up but never counted is left out.
			if count == 0 {
				continue
			}
			into := sums.counters
			if isStack(name) {
				into = sums.stacks
			}
			into[name] = int64(min(saturatingAdd(uint64(into[name]), min(count, math.MaxInt64)), math.MaxInt64))
		}
	}
	for _, end := range slices.Sorted(maps.Keys(byEnd)) {
		of := byEnd[end]
		week := week{begin: of.begin, end: end, files: of.files}
		for _, build := range slices.SortedFunc(maps.Keys(of.builds), compareBuilds) {
			// A build that counted nothing is left out.
			if sums := of.builds[build]; len(sums.counters)+len(sums.stacks) > 0 {
				week.programs = append(week.programs, reportOf(build, sums.counters, sums.stacks))
			}
		}
		if end.start().Add(grace).Before(now) {
			ended = append(ended, week)
		} else {
			counting = append(counting, week)
		}
	}
	return ended, counting, broken
}

func compareBuilds(a, b build) int {
	return cmp.Or(cmp.Compare(a.Program, b.Program), cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.GoVersion, b.GoVersion), cmp.Compare(a.GOOS, b.GOOS), cmp.Compare(a.GOARCH, b.GOARCH))
}
