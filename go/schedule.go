package candor

import (
	"fmt"
	"strings"
	"time"
)

// When the day's work was last done, and when it was last attempted; the files are those of Candor's client
// for Rust.
//
//	FOLDER/candor/worked      the day on which the work was last done
//	FOLDER/candor/attempt     the time of the last attempt in seconds since 1970, and the number of attempts
//	                          since the work was last done
//	FOLDER/candor/worker      the lock that the worker holds
//
// After a failed attempt (the worker was killed, or never began) the next one is made after a quarter of an
// hour, then half an hour, and so on up to a day.

const (
	firstPause   = 15 * 60
	longestPause = 24 * 60 * 60
	longestNoted = 128
)

func isDone(f folder, today day) bool {
	text, err := readText(f.ownFile("worked"), longestNoted)
	if err != nil {
		return false
	}
	done, err := parseDay(strings.TrimSpace(text))
	return err == nil && done == today
}

func noteDone(f folder, today day) error {
	path := f.ownFile("worked")
	if err := replaceUnsynced(path, temporaryFor(path), []byte(today.String()+"\n")); err != nil {
		return err
	}
	return remove(f.ownFile("attempt"))
}

// attempt says whether an attempt is due. If so, it is noted first; if it cannot be noted, it is not made.
func attempt(f folder, now time.Time) bool {
	if isDone(f, dayOf(now)) {
		return false
	}
	seconds, last, attempts := now.Unix(), int64(0), int64(0)
	if text, err := readText(f.ownFile("attempt"), longestNoted); err == nil {
		if n, err := fmt.Sscanf(text, "%d %d", &last, &attempts); n != 2 || err != nil || last < 0 || attempts < 0 {
			last, attempts = 0, 0
		}
	}
	pause := min(int64(firstPause)<<min(max(attempts-1, 0), 16), longestPause)
	// An attempt in the future: the clock was set back.
	if attempts > 0 && last <= seconds && seconds-last < pause {
		return false
	}
	if createFolder(f.own()) != nil {
		return false
	}
	path := f.ownFile("attempt")
	note := fmt.Sprintf("%d %d\n", seconds, min(attempts, 1<<31)+1)
	return replaceUnsynced(path, temporaryFor(path), []byte(note)) == nil
}
