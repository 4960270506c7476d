package candor

import (
	"strings"
	"unicode"
)

// The frame grammar: what a line of a stack may look like. The receiver stores nothing else, so that a
// frame names a function and a line, never a file, a folder, an address or a person.
//
//	frame    = function [ ":" position ] | ":" position
//	position = ( "+" | "-" | "=" ) number [ ",+0x" offset ]
//	number   = 1 to 7 decimal digits
//	offset   = 1 to 7 lower-case hexadecimal digits

// truncated is the last line of a stack whose rest did not fit into a counter's name.
const truncated = "truncated"

// longestFrame is the longest frame in bytes.
const longestFrame = 4096

func frameFunction(frame string) string {
	if at := strings.LastIndexByte(frame, ':'); at >= 0 && isPosition(frame[at+1:]) {
		return frame[:at]
	}
	return frame
}

func isFrame(frame string) bool {
	function := frameFunction(frame)
	// A first frame without a symbol has only a position.
	return len(frame) <= longestFrame && (isSymbol(function) || function == "" && frame != "")
}

// keepFrames keeps the first depth frames of a stack counter in canonical form, one a line, and says
// whether there were more. Not ok if no frame is left, or one of them does not follow the grammar.
//
// Go's client cuts a name that is too long at any byte, and adds the line "truncated" and an empty one: the
// line before may be part of a frame, and is left out.
func keepFrames(frames string, depth uint32) (kept string, cut, ok bool) {
	lines := strings.Split(frames, "\n")
	unfinished := 0
	switch n := len(lines); {
	case n >= 3 && lines[n-2] == truncated && lines[n-1] == "":
		unfinished = 3
	case n >= 2 && lines[n-1] == truncated:
		unfinished = 1
	}
	lines = lines[:len(lines)-unfinished]
	if cut = uint64(len(lines)) > uint64(depth); cut {
		lines = lines[:depth]
	}
	if len(lines) == 0 {
		return "", cut, false
	}
	for i, line := range lines {
		if !isFrame(line) {
			return "", cut, false
		}
		function := frameFunction(line)
		lines[i] = canonicalName(function) + line[len(function):]
	}
	if unfinished > 0 && !cut {
		lines = append(lines, truncated)
	}
	return strings.Join(lines, "\n"), cut, true
}

func isPosition(position string) bool {
	if position == "" || !strings.ContainsRune("+-=", rune(position[0])) {
		return false
	}
	line, offset, hasOffset := strings.Cut(position[1:], ",+0x")
	return isNumber(line, "0123456789") && (!hasOffset || isNumber(offset, "0123456789abcdef"))
}

func isNumber(text, digits string) bool {
	return len(text) >= 1 && len(text) <= 7 && strings.Trim(text, digits) == ""
}

// The names of functions in Go and Rust programs, as in src/collection/symbol.rs.
//
//	symbol    = path | "." path | "." | generated
//	path      = segment { "/" segment }
//	generated = ( "type:.eq." | "type:.hash." ) type | "go:" type of a method | "go:" path

func isSymbol(name string) bool {
	if name == "." {
		return true
	}
	if of, ok := generatedFor(name); ok {
		return isGoType(of)
	}
	path, ok := strings.CutPrefix(name, "go:")
	if !ok {
		path = strings.TrimPrefix(name, ".")
	}
	return isSymbolPath(path)
}

// canonicalName is the one name of a function: without the dot before a function without a package; "."
// for a function without a name.
func canonicalName(name string) string {
	switch {
	case name == "":
		return "."
	case len(name) > 1 && name[0] == '.':
		return name[1:]
	}
	return name
}

// generatedFor is the type that the compiler generated a function for, if it did.
func generatedFor(name string) (string, bool) {
	for _, prefix := range []string{"type:.eq.", "type:.hash.", "type..eq.", "type..hash."} {
		if of, ok := strings.CutPrefix(name, prefix); ok {
			return of, true
		}
	}
	of, ok := strings.CutPrefix(name, "go:")
	if !ok {
		of, ok = strings.CutPrefix(name, "go.")
	}
	if !ok {
		return "", false
	}
	composed := strings.TrimPrefix(of, "(*")
	return of, strings.HasPrefix(composed, "struct {") || strings.HasPrefix(composed, "interface {")
}

func isGoType(text string) bool {
	for _, part := range []string{"struct {", "interface {", "chan ", "func(", "[...]"} {
		if strings.Contains(text, part) {
			return !strings.HasPrefix(text, " ") && !strings.HasSuffix(text, " ") &&
				strings.IndexFunc(text, isNotPrintable) < 0
		}
	}
	return isSymbolPath(strings.TrimLeft(text, "[]*0123456789"))
}

func isAlphanumeric(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Other_Alphabetic, r)
}

// isNotPrintable says whether a character is invisible or changes others.
func isNotPrintable(r rune) bool {
	if r < 0x80 {
		return r < ' ' || r > '~'
	}
	return !isAlphanumeric(r) && (!unicode.IsPrint(r) || unicode.In(r, unicode.Mn, unicode.Me))
}

func isSymbolPath(path string) bool {
	if strings.HasPrefix(path, "_/") {
		return false
	}
	for at, segment := range strings.Split(path, "/") {
		start := "_{~-+"
		if at == 0 {
			start = "_{"
		}
		first, _ := firstRune(segment)
		if segment == "" || !isAlphanumeric(first) && !strings.ContainsRune(start, first) || !isSegment(segment) {
			return false
		}
	}
	return true
}

func firstRune(text string) (rune, bool) {
	for _, r := range text {
		return r, true
	}
	return 0, false
}

func isSegment(segment string) bool {
	rest := segment
	for {
		before, after, colon := strings.Cut(rest, ":")
		if !colon {
			break
		}
		after, double := strings.CutPrefix(after, ":")
		if !double || before == "" || after == "" {
			return false
		}
		rest = after
	}
	for _, r := range segment {
		if !isAlphanumeric(r) && !strings.ContainsRune("_.-~+%()*[]{}·:", r) {
			return false
		}
	}
	return true
}
