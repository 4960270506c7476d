package candor

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	testURL    = "https://telemetry.example.org"
	testModule = "telemetry.example.org/config"
)

// testServer is a deployment in memory: its log, its configs, and what was sent to it.
type testServer struct {
	signer  note.Signer
	key     string
	hashes  []tlog.Hash
	entries [][]byte
	files   map[string][]byte
	// offline: nobody answers.
	offline bool
	answer  answer
	posted  []string
	asked   int
}

func newTestServer(t *testing.T) *testServer {
	t.Helper()
	secret, key, err := note.GenerateKey(zeros{}, "telemetry.example.org/log")
	check(t, err)
	signer, err := note.NewSigner(secret)
	check(t, err)
	return &testServer{signer: signer, key: key, files: map[string][]byte{}}
}

// zeros is a random source for a key that signs nothing but tests.
type zeros struct{}

func (zeros) Read(to []byte) (int, error) { clear(to); return len(to), nil }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *testServer) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var read []tlog.Hash
	for _, index := range indexes {
		read = append(read, s.hashes[index])
	}
	return read, nil
}

// publish makes a config the next version.
func (s *testServer) publish(t *testing.T, config string) {
	t.Helper()
	version := version(len(s.entries) + 1)
	goMod := "module " + testModule + "\n\ngo 1.16\n"
	var packed bytes.Buffer
	writer := zip.NewWriter(&packed)
	for name, content := range map[string]string{"go.mod": goMod, "config.json": config} {
		file, err := writer.Create(testModule + "@" + version.String() + "/" + name)
		check(t, err)
		_, err = io.WriteString(file, content)
		check(t, err)
	}
	check(t, writer.Close())
	archive, err := openZip(packed.Bytes())
	check(t, err)
	zipHash, err := archive.hash()
	check(t, err)
	modHash, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(goMod)), nil
	})
	check(t, err)
	s.files[fmt.Sprintf("%s/goproxy/%s/@v/%s.zip", testURL, testModule, version)] = packed.Bytes()
	entry := fmt.Sprintf("%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", testModule, version, zipHash, modHash)
	hashes, err := tlog.StoredHashes(int64(len(s.entries)), []byte(entry), s)
	check(t, err)
	s.hashes, s.entries = append(s.hashes, hashes...), append(s.entries, []byte(entry))
	size := int64(len(s.entries))
	for _, tile := range tlog.NewTiles(tileHeight, 0, size) {
		data, err := tlog.ReadTileData(tile, s)
		check(t, err)
		s.files[testURL+"/log/tile/"+strings.TrimPrefix(tile.Path(), "tile/8/")] = data
	}
	var bundle []byte
	for _, entry := range s.entries {
		bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(entry))), entry...)
	}
	s.files[fmt.Sprintf("%s/log/tile/entries/000.p/%d", testURL, size)] = bundle
	root, err := tlog.TreeHash(size, s)
	check(t, err)
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("telemetry.example.org/log\n%d\n%s\n", size, root)}, s.signer)
	check(t, err)
	s.files[testURL+"/log/checkpoint"] = signed
}

func (s *testServer) get(url string, limit int64) ([]byte, error) {
	s.asked++
	if s.offline {
		return nil, &errNetwork{"nobody is there"}
	}
	file, ok := s.files[url]
	if !ok {
		return nil, fmt.Errorf("%s: %w", url, errMissing)
	}
	return file, nil
}

func (s *testServer) post(url string, report []byte) (answer, error) {
	if s.offline {
		return answer{}, &errNetwork{"nobody is there"}
	}
	s.posted = append(s.posted, url+" "+string(report))
	return s.answer, nil
}

// testMachine is a machine whose user opted in on the first of November 2026.
type testMachine struct {
	folder folder
	server *testServer
	x      float64
}

func newTestMachine(t *testing.T, server *testServer) *testMachine {
	t.Helper()
	f := folder(filepath.Join(t.TempDir(), "telemetry"))
	day, err := parseDay("2026-11-01")
	check(t, err)
	check(t, storeMode(f, On, day))
	check(t, createFolder(f.local()))
	return &testMachine{f, server, 0.25}
}

// count writes a counter file of hello, of these days.
func (m *testMachine) count(t *testing.T, begin, end string) {
	t.Helper()
	first, err := parseDay(begin)
	check(t, err)
	last, err := parseDay(end)
	check(t, err)
	of := build{"example.org/hello", "v1.0.0", "go1.26.8", "linux", "amd64"}
	content := make([]byte, counterPage)
	header := counterHeader(metadataText(of, first, last))
	copy(content, header)
	const name = "hello/verb:run"
	head := int(roundUp(uint32(len(header)), counterUnit))
	record := roundUp(uint32(head+4+4*counterBuckets), counterUnit)
	binary.NativeEndian.PutUint32(content[head+4:], record)
	binary.NativeEndian.PutUint64(content[record:], 3)
	binary.NativeEndian.PutUint32(content[record+8:], uint32(len(name))|0xff000000)
	copy(content[record+16:], name)
	check(t, os.WriteFile(filepath.Join(m.folder.local(), counterFileName(of, first)), content, 0o600))
}

func (m *testMachine) run(t *testing.T, now string, asked bool) *run {
	t.Helper()
	today, err := parseDay(now)
	check(t, err)
	project := Project{URL: testURL, Module: testModule, Trust: m.server.key}
	to, err := project.destination()
	check(t, err)
	r := &run{
		folder: m.folder, to: to, network: m.server, now: today.start().Add(12 * time.Hour), askedByUser: asked,
		consent: func() Consent { return chosenConsent(m.folder) },
		draw:    func() (float64, error) { return m.x, nil },
	}
	check(t, r.do())
	return r
}

func configOf(rate float64) string {
	return fmt.Sprintf(`{"GOOS":["linux"],"GOARCH":["amd64"],"GoVersion":["go1.26.8"],"SampleRate":%v,"Programs":[{"Name":"example.org/hello",`+
		`"Versions":["v1.0.0"],"Counters":[{"Name":"hello/verb:{run,help}","Rate":%v}]}]}`, rate, rate)
}

func expectEvents(t *testing.T, r *run, want ...string) {
	t.Helper()
	if len(r.events) != len(want) {
		t.Fatalf("got %q, want %q", r.events, want)
	}
	for i := range want {
		if !strings.Contains(r.events[i], want[i]) {
			t.Errorf("got %q, want %q", r.events[i], want[i])
		}
	}
}

func TestAWeekIsCountedDecidedAndSentOnce(t *testing.T) {
	server := newTestServer(t)
	server.publish(t, configOf(0.5))
	machine := newTestMachine(t, server)
	machine.count(t, "2026-11-02", "2026-11-09")
	machine.count(t, "2026-11-10", "2026-11-16")
	expectEvents(t, machine.run(t, "2026-11-08", false))
	expectEvents(t, machine.run(t, "2026-11-10", false), "2026-11-09: counted", "2026-11-09: ready", "2026-11-09: sent")
	expectEvents(t, machine.run(t, "2026-11-10", false))
	expectEvents(t, machine.run(t, "2026-11-17", false), "2026-11-16: counted", "2026-11-16: ready", "2026-11-16: sent")
	if len(server.posted) != 2 || !strings.HasPrefix(server.posted[0], testURL+"/upload/2026-11-09 {") ||
		!strings.Contains(server.posted[1], `"LastWeek": "2026-11-09"`) || !strings.Contains(server.posted[1], `"hello/verb:run": 3`) {
		t.Errorf("%q", server.posted)
	}
}

func TestAWeekThatBeganBeforeOptingInIsNeverSent(t *testing.T) {
	server := newTestServer(t)
	server.publish(t, configOf(1))
	machine := newTestMachine(t, server)
	machine.count(t, "2026-11-01", "2026-11-08")
	expectEvents(t, machine.run(t, "2026-11-09", false), "counted, and not sent: it began on 2026-11-01")
	// Nor is one that is too old.
	machine.count(t, "2026-11-02", "2026-11-09")
	expectEvents(t, machine.run(t, "2026-12-01", false), "counted, and not sent: it ended on 2026-11-09")
	if len(server.posted) != 0 || server.asked != 0 {
		t.Errorf("%q, asked %d times", server.posted, server.asked)
	}
}

func TestXIsDrawnUnderAConfigThatWasKnownBeforeAndKept(t *testing.T) {
	server := newTestServer(t)
	server.publish(t, configOf(0.5))
	machine := newTestMachine(t, server)
	machine.count(t, "2026-11-02", "2026-11-09")
	server.answer = answer{retryReport, "later"}
	expectEvents(t, machine.run(t, "2026-11-10", false), "counted", "ready", "waits: later")
	// As if the run had been killed before the report was ready; meanwhile the rates change.
	week, err := parseDay("2026-11-09")
	check(t, err)
	check(t, os.Remove(machine.folder.ready(week)))
	check(t, os.WriteFile(machine.folder.pending(week), []byte("began 2026-11-02\n"), 0o600))
	server.publish(t, configOf(0.1))
	machine.x = 0.01
	server.answer = answer{kind: acceptedReport}
	expectEvents(t, machine.run(t, "2026-11-11", false), "ready", "sent")
	last := server.posted[len(server.posted)-1]
	if !strings.Contains(last, `"X": 0.25`) || !strings.Contains(last, `"Config": "v0.1.0"`) {
		t.Error(last)
	}
	// The newer one is for the next week.
	machine.x = 0.25
	machine.count(t, "2026-11-10", "2026-11-16")
	expectEvents(t, machine.run(t, "2026-11-17", false), "counted", "not in the sample: X is 0.2500, and the rate 0.1000")
}

func TestWithoutANetworkTheKnownConfigIsUsedForFourWeeks(t *testing.T) {
	server := newTestServer(t)
	server.publish(t, configOf(0.5))
	machine := newTestMachine(t, server)
	machine.count(t, "2026-11-02", "2026-11-09")
	machine.run(t, "2026-11-10", false)
	server.offline = true
	machine.count(t, "2026-11-10", "2026-11-16")
	expectEvents(t, machine.run(t, "2026-11-17", false), "counted", "ready", "waits: nobody is there")
	server.offline = false
	// Not tried again today, unless a user asks.
	expectEvents(t, machine.run(t, "2026-11-17", false), "tried again tomorrow")
	expectEvents(t, machine.run(t, "2026-11-17", true), "2026-11-16: sent")
	server.offline = true
	machine.count(t, "2026-12-10", "2026-12-16")
	expectEvents(t, machine.run(t, "2026-12-17", false), "counted", "waits: nobody is there")
	asked := server.asked
	expectEvents(t, machine.run(t, "2026-12-17", false), "waits: nobody is there")
	if server.asked != asked {
		t.Error("it was asked again on the same day")
	}
}

func TestAfterAFailedCheckNothingIsSent(t *testing.T) {
	server := newTestServer(t)
	server.publish(t, configOf(0.5))
	machine := newTestMachine(t, server)
	machine.count(t, "2026-11-02", "2026-11-09")
	server.answer = answer{retryReport, "later"}
	machine.run(t, "2026-11-10", false)
	server.answer = answer{kind: acceptedReport}
	honest := server.files[testURL+"/log/checkpoint"]
	server.files[testURL+"/log/checkpoint"] = []byte("<html>Log in</html>")
	machine.count(t, "2026-11-10", "2026-11-16")
	posted := len(server.posted)
	expectEvents(t, machine.run(t, "2026-11-17", false), "counted", "2026-11-16: waits: from", "2026-11-09: waits: from")
	// A failure of the network does not hide that.
	server.offline = true
	expectEvents(t, machine.run(t, "2026-11-18", false), "2026-11-16: waits: nobody", "2026-11-09: waits: nobody")
	if len(server.posted) != posted || !checkHasFailed(machine.folder) {
		t.Error("something was sent")
	}
	server.offline = false
	server.files[testURL+"/log/checkpoint"] = honest
	expectEvents(t, machine.run(t, "2026-11-19", false), "2026-11-16: ready", "2026-11-09: sent", "2026-11-16: sent")
}

func TestARefusedReportIsPutAside(t *testing.T) {
	server := newTestServer(t)
	server.publish(t, configOf(1))
	machine := newTestMachine(t, server)
	machine.count(t, "2026-11-02", "2026-11-09")
	server.answer = answer{refusedReport, "status 400 no"}
	expectEvents(t, machine.run(t, "2026-11-10", false), "counted", "ready", "refused by the server: status 400 no")
	expectEvents(t, machine.run(t, "2026-11-11", true))
}

func TestWhoTurnsItOffIsObeyedAtOnce(t *testing.T) {
	server := newTestServer(t)
	server.publish(t, configOf(1))
	machine := newTestMachine(t, server)
	machine.count(t, "2026-11-02", "2026-11-09")
	server.answer = answer{retryReport, "later"}
	machine.run(t, "2026-11-10", false)
	posted := len(server.posted)
	for _, mode := range []Mode{Off, Local} {
		check(t, storeMode(machine.folder, mode, 0))
		machine.run(t, "2026-11-11", true)
	}
	// On again: what was counted before that is not sent.
	day, err := parseDay("2026-11-11")
	check(t, err)
	check(t, storeMode(machine.folder, On, day))
	expectEvents(t, machine.run(t, "2026-11-12", true), "not sent: it began on 2026-11-09")
	if len(server.posted) != posted {
		t.Errorf("%q", server.posted)
	}
}

func TestTwoProjectsDoNotShareAFolder(t *testing.T) {
	server := newTestServer(t)
	machine := newTestMachine(t, server)
	machine.count(t, "2026-11-02", "2026-11-09")
	machine.run(t, "2026-11-10", false)
	project := Project{URL: testURL, Module: "other.example.org/config", Trust: server.key}
	to, err := project.destination()
	check(t, err)
	other := &run{
		folder: machine.folder, to: to, network: server, now: time.Now(),
		consent: func() Consent { return chosenConsent(machine.folder) }, draw: drawX,
	}
	if err := other.do(); err == nil || !strings.Contains(err.Error(), "two projects must not share a folder") {
		t.Error(err)
	}
}
