package candor

import (
	"fmt"
	"time"
)

// A day is a day of the calendar in UTC, counted from the first of January 1970. It is written
// 2026-11-22.
type day int64

const lastDay day = 2_932_896 // 9999-12-31

func dayOf(t time.Time) day {
	seconds := t.Unix()
	if seconds < 0 {
		return 0
	}
	return min(day(seconds/86_400), lastDay)
}

func parseDay(text string) (day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || len(text) != len(time.DateOnly) || t.Unix() < 0 {
		return 0, fmt.Errorf("%.40q is not a day of the form 2026-11-22, from 1970 on", text)
	}
	return dayOf(t), nil
}

// parseDayStart reads the instant of a day's start, as counter files have it.
func parseDayStart(text string) (day, error) {
	const start = "T00:00:00Z"
	if len(text) != len(time.DateOnly)+len(start) || text[len(time.DateOnly):] != start {
		return 0, fmt.Errorf("%.40q is not the start of a day", text)
	}
	return parseDay(text[:len(time.DateOnly)])
}

func (d day) start() time.Time { return time.Unix(int64(d)*86_400, 0).UTC() }

func (d day) weekday() time.Weekday { return d.start().Weekday() }

func (d day) String() string { return d.start().Format(time.DateOnly) }
