package candor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// The counter file, version 1 of the format of golang.org/x/telemetry (internal/counter/file.go), read
// after its week has ended. Numbers have the machine's byte order.
//
//	offset                     bytes
//	0                             28   "# telemetry/counter file v1\n"
//	28                             4   H: where the header ends, a multiple of 32
//	32                        to  H   metadata, one "Key: value" a line, padded with zeros
//	H                              4   limit: where the next record may begin
//	H + 4                   512 * 4   hash table: for each hash, the offset of the first record
//	H + 2052, rounded up to 32         records
//
//	a record, at a multiple of 32
//	0                              8   the count
//	8                              4   length of the name in the low 24 bits
//	12                             4   offset of the next record with this hash; 0 ends the chain
//	16                                 the name
const (
	counterSuffix   = ".v1.count"
	counterMagic    = "# telemetry/counter file v1\n"
	counterPage     = 16 * 1024
	counterUnit     = 32
	counterBuckets  = 512
	counterLongest  = 4 * 1024
	counterMetadata = 32
	maxMetadata     = 512
	maxCounterFile  = 64 << 20
	// A stored stack whose expanded frames would be longer is not expanded.
	maxExpanded = 64 * 1024
)

// A build is a program as its counter files and reports name it.
type build struct {
	Program   string
	Version   string
	GoVersion string
	GOOS      string
	GOARCH    string
}

// A counterFile is the content of a counter file.
type counterFile struct {
	begin, end day
	build      build
	// counts has the names of stack counters followed by one frame a line, in full.
	counts map[string]uint64
}

// parseCounterFile reads the bytes of a counter file, which may be anything.
func parseCounterFile(data []byte) (*counterFile, error) {
	if !bytes.HasPrefix(data, []byte(counterMagic)) {
		return nil, errors.New("not a counter file of version 1: it does not begin as one")
	}
	if len(data) < counterPage {
		return nil, fmt.Errorf("the file is cut off: it has %d bytes, and none is shorter than %d", len(data), counterPage)
	}
	number := func(offset uint32) uint32 { return binary.NativeEndian.Uint32(data[offset:]) }
	header := number(28)
	if header < counterMetadata || header%counterUnit != 0 || header > counterPage-4-4*counterBuckets-counterUnit {
		return nil, fmt.Errorf("the header cannot be %d bytes long", header)
	}
	metadata, _, _ := bytes.Cut(data[counterMetadata:header], []byte{0})
	if !utf8.Valid(metadata) {
		return nil, errors.New("the metadata is not UTF-8")
	}
	file := &counterFile{counts: make(map[string]uint64)}
	if err := file.parseMetadata(string(metadata)); err != nil {
		return nil, fmt.Errorf("the metadata is broken: %w", err)
	}
	records := roundUp(header+4+4*counterBuckets, counterUnit)
	seen := make(map[string]bool)
	for bucket := range uint32(counterBuckets) {
		offset := number(header + 4 + 4*bucket)
		for offset != 0 {
			// In 64 bits nothing here overflows.
			name := uint64(offset) + 16
			if offset < records || offset%counterUnit != 0 || name >= uint64(len(data)) {
				return nil, fmt.Errorf("the chain of hash %d leads to %#x, where no record can be", bucket, offset)
			}
			length := uint64(number(offset+8) & 0x00ffffff)
			if length == 0 || length > counterLongest || name+length > uint64(len(data)) {
				return nil, fmt.Errorf("the chain of hash %d leads to %#x, where no record can be", bucket, offset)
			}
			stored := string(data[name : name+length])
			// Without a name twice, no chain can be circular.
			if seen[stored] {
				return nil, fmt.Errorf("the chain of hash %d holds a name twice, at %#x", bucket, offset)
			}
			seen[stored] = true
			expanded := expandStack(strings.ToValidUTF8(stored, "\uFFFD"))
			file.counts[expanded] = saturatingAdd(file.counts[expanded], binary.NativeEndian.Uint64(data[offset:]))
			offset = number(offset + 12)
		}
	}
	return file, nil
}

func (file *counterFile) parseMetadata(text string) error {
	values := make(map[string]string)
	for _, line := range strings.Split(text, "\n") {
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ": ")
		if !ok {
			return fmt.Errorf("%q is not of the form Key: value", line)
		}
		values[key] = value
	}
	for _, field := range []struct {
		key string
		to  *string
	}{
		{"Program", &file.build.Program},
		{"Version", &file.build.Version},
		{"GoVersion", &file.build.GoVersion},
		{"GOOS", &file.build.GOOS},
		{"GOARCH", &file.build.GOARCH},
	} {
		value, ok := values[field.key]
		if !ok {
			return fmt.Errorf("%s is missing", field.key)
		}
		*field.to = value
	}
	for _, field := range []struct {
		key string
		to  *day
	}{{"TimeBegin", &file.begin}, {"TimeEnd", &file.end}} {
		value, ok := values[field.key]
		if !ok {
			return fmt.Errorf("%s is missing", field.key)
		}
		parsed, err := parseDayStart(value)
		if err != nil {
			return fmt.Errorf("%s: %w", field.key, err)
		}
		*field.to = parsed
	}
	return nil
}

func isStack(name string) bool { return strings.Contains(name, "\n") }

// expandStack is a stored name with all frames in full: Go's client writes " for a package that is that of
// the line before.
func expandStack(name string) string {
	if !isStack(name) || !strings.Contains(name, `"`) {
		return name
	}
	var text strings.Builder
	last := ""
	for number, line := range strings.Split(name, "\n") {
		if number > 0 {
			text.WriteByte('\n')
		}
		dot := strings.LastIndexByte(line, '.')
		switch {
		case dot >= 0 && line[:dot] == `"`:
			if last != "" {
				text.WriteString(last)
				text.WriteByte('.')
			}
			text.WriteString(line[dot+1:])
		case dot > 0:
			last = line[:dot]
			text.WriteString(line)
		default:
			text.WriteString(line)
		}
		if text.Len() > maxExpanded {
			return name
		}
	}
	return text.String()
}

func roundUp(number, unit uint32) uint32 { return (number + unit - 1) / unit * unit }

func saturatingAdd(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint64
}

// counterHeader is the header of a new file with this metadata.
func counterHeader(metadata string) []byte {
	length := roundUp(uint32(counterMetadata+len(metadata)), counterUnit)
	header := append(make([]byte, 0, length), counterMagic...)
	header = binary.NativeEndian.AppendUint32(header, length)
	return append(header, metadata...)
}
