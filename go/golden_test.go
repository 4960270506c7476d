package candor

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// vectors reads golden vectors, which Candor's client for Rust writes and its tests read, too.
func vectors(t *testing.T, name string, to any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "client", name+".json"))
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CANDOR_VECTORS") == "" {
		if _, err := os.Stat(filepath.Join("..", "Cargo.toml")); err != nil {
			t.Skip("this copy of the module is without Candor's golden vectors")
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatal(err)
	}
}

func TestConsentIsReadAsByTheClientForRust(t *testing.T) {
	var cases []struct {
		Text  string
		Mode  Mode
		Since *string
	}
	vectors(t, "consent", &cases)
	for _, c := range cases {
		f := folder(t.TempDir())
		if err := os.WriteFile(f.mode(), []byte(c.Text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := readConsent(f, "", func(string) string { return "" })
		since := ""
		if c.Since != nil {
			since = *c.Since
		}
		if got.Mode != c.Mode || got.Since != since {
			t.Errorf("%q: got %s %q, want %s %q", c.Text, got.Mode, got.Since, c.Mode, since)
		}
	}
}

// A sparseFile is a file's length, and what is not zero in it.
type sparseFile struct {
	Length int
	Parts  [][2]json.RawMessage
}

func (s sparseFile) bytes(t *testing.T) []byte {
	t.Helper()
	bytes := make([]byte, s.Length)
	for _, part := range s.Parts {
		var at int
		var text string
		if err := errors.Join(json.Unmarshal(part[0], &at), json.Unmarshal(part[1], &text)); err != nil {
			t.Fatal(err)
		}
		content, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		copy(bytes[at:], content)
	}
	return bytes
}

func TestCounterFilesBecomeTheReportsOfTheClientForRust(t *testing.T) {
	type weekJSON struct{ Begin, End, Report string }
	var cases []struct {
		Name            string
		Files           []sparseFile
		Now             int64
		Ended, Counting []weekJSON
		Unreadable      int
	}
	vectors(t, "weeks", &cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			var files []string
			for i, file := range c.Files {
				path := filepath.Join(t.TempDir(), fmt.Sprint(i, counterSuffix))
				if err := os.WriteFile(path, file.bytes(t), 0o600); err != nil {
					t.Fatal(err)
				}
				files = append(files, path)
			}
			ended, counting, broken := readWeeks(files, time.Unix(c.Now, 0))
			for _, compare := range []struct {
				got  []week
				want []weekJSON
			}{{ended, c.Ended}, {counting, c.Counting}} {
				var got []weekJSON
				for _, week := range compare.got {
					local := &report{week.end.String(), "", 0, week.programs, noConfig}
					text, err := local.json()
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, weekJSON{week.begin.String(), week.end.String(), string(text)})
				}
				if len(got)+len(compare.want) > 0 && !reflect.DeepEqual(got, compare.want) {
					t.Errorf("got %+v\nwant %+v", got, compare.want)
				}
			}
			if len(broken) != c.Unreadable {
				t.Errorf("unreadable: got %v, want %d", broken, c.Unreadable)
			}
		})
	}
}

func TestConfigsLetThroughWhatTheClientForRustSends(t *testing.T) {
	var cases []struct {
		Name     string
		Config   string
		Refused  bool
		Local    string
		X        float64
		Version  string
		LastWeek string `json:"last_week"`
		Report   *string
		Withheld []struct {
			Build  *build
			Name   string
			Reason string
		}
	}
	vectors(t, "filters", &cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			config, err := parseConfig([]byte(c.Config))
			if (err != nil) != c.Refused {
				t.Fatalf("the config: %v", err)
			}
			if c.Refused {
				return
			}
			local, err := parseReport([]byte(c.Local))
			if err != nil {
				t.Fatal(err)
			}
			sent, left := filter(local, c.X, config, c.Version, c.LastWeek)
			switch {
			case sent == nil && c.Report != nil:
				t.Errorf("nothing is sent, want %s", *c.Report)
			case sent != nil && c.Report == nil:
				t.Errorf("sent %+v, want nothing", sent)
			case sent != nil:
				text, err := sent.json()
				if err != nil || string(text) != *c.Report {
					t.Errorf("got %s\nwant %s", text, *c.Report)
				}
			}
			if len(left) != len(c.Withheld) {
				t.Fatalf("withheld %+v\nwant %+v", left, c.Withheld)
			}
			for i, want := range c.Withheld {
				if got := left[i]; got.name != want.Name || got.reason != want.Reason || !reflect.DeepEqual(got.build, want.Build) {
					t.Errorf("withheld %+v\nwant %+v", got, want)
				}
			}
		})
	}
}

func TestPoliciesBelieveWhatTheClientForRustBelieves(t *testing.T) {
	var read struct {
		Texts []struct {
			Text      string
			Canonical *string
		}
		Checkpoints []struct {
			Name, Trust, Note string
			Now               uint64
			Accepted          *struct {
				Size      int64
				Root, Log string
				FreshAt   *uint64 `json:"fresh_at"`
				Fresh     string
			}
		}
	}
	vectors(t, "policies", &read)
	for _, c := range read.Texts {
		trust, err := parseTrust(c.Text)
		switch {
		case (err == nil) != (c.Canonical != nil):
			t.Errorf("%q: %v, want %v", c.Text, err, c.Canonical)
		case err == nil && trust.String() != *c.Canonical:
			t.Errorf("%q: got %q, want %q", c.Text, trust, *c.Canonical)
		}
	}
	for _, c := range read.Checkpoints {
		t.Run(c.Name, func(t *testing.T) {
			trust, err := parseTrust(c.Trust)
			if err != nil {
				t.Fatal(err)
			}
			got, err := trust.check([]byte(c.Note))
			if (err == nil) != (c.Accepted != nil) {
				t.Fatalf("%v, want %+v", err, c.Accepted)
			}
			if err != nil {
				return
			}
			want := c.Accepted
			if got.tree.N != want.Size || got.tree.Hash.String() != want.Root || got.log.String() != want.Log ||
				!reflect.DeepEqual(got.freshAt, want.FreshAt) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			fresh := "yes"
			if err := got.checkFresh(c.Now, 7*24*hour); err != nil {
				fresh = "old"
				if clock := new(errClock); errors.As(err, &clock) {
					fresh = "ahead"
				}
			}
			if fresh != want.Fresh {
				t.Errorf("fresh: got %s, want %s", fresh, want.Fresh)
			}
		})
	}
}

// files is a server in memory.
type files map[string]string

func (f files) get(url string, limit int64) ([]byte, error) {
	text, ok := f[url]
	if !ok {
		return nil, fmt.Errorf("%s: %w", url, errMissing)
	}
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if int64(len(bytes)) > limit {
		return nil, &errNetwork{"too large"}
	}
	return bytes, nil
}

func (files) post(string, []byte) (answer, error) { return answer{}, &errNetwork{"nobody is there"} }

func TestConfigsAreFetchedAndRefusedAsByTheClientForRust(t *testing.T) {
	type outcome struct {
		Version, Config, Log string
		FreshAt              *uint64 `json:"fresh_at"`
		Failed, Evidence     string
	}
	var stories []struct {
		Name, Trust string
		Steps       []struct {
			Files         files
			Known, Wanted version
			Now           int64
			Outcome       json.RawMessage
		}
	}
	vectors(t, "fetching", &stories)
	for _, story := range stories {
		t.Run(story.Name, func(t *testing.T) {
			trust, err := parseTrust(story.Trust)
			if err != nil {
				t.Fatal(err)
			}
			const url = "https://telemetry.example.org"
			to := &destination{url + "/goproxy", url + "/log", url + "/upload", "telemetry.example.org/Config", trust, defaultFreshFor}
			memory := memory{t.TempDir()}
			kept := 0
			for i, step := range story.Steps {
				f := &fetcher{to, step.Files, memory, time.Unix(step.Now, 0)}
				var got *verified
				if step.Wanted > 0 {
					got, err = f.version(step.Wanted)
				} else {
					got, err = f.newest(step.Known)
				}
				if string(step.Outcome) == `"known"` {
					if err != nil || got.version != step.Known || got.config != nil {
						t.Errorf("step %d: %+v %v, want the known one", i, got, err)
					}
					continue
				}
				var want outcome
				if err := json.Unmarshal(step.Outcome, &want); err != nil {
					t.Fatal(err)
				}
				if err == nil {
					if got.version.String() != want.Version || string(got.config) != want.Config || got.log.String() != want.Log ||
						!reflect.DeepEqual(got.freshAt, want.FreshAt) {
						t.Errorf("step %d: got %+v, want %+v", i, got, want)
					}
					continue
				}
				if failed := kindOfFailure(err); failed != want.Failed {
					t.Errorf("step %d: got %s (%v), want %+v", i, failed, err, want)
				}
				if want.Evidence != "" {
					kept++
					found, _ := filepath.Glob(filepath.Join(memory.root, "evidence", "*", "*"))
					if len(found) != kept || !strings.Contains(err.Error(), found[0]) {
						t.Fatalf("step %d: evidence %v, error %v", i, found, err)
					}
					text, err := os.ReadFile(found[0])
					if err != nil || string(text) != want.Evidence {
						t.Errorf("step %d: got %s\nwant %s", i, text, want.Evidence)
					}
				}
			}
		})
	}
}

func kindOfFailure(err error) string {
	check := new(errCheck)
	switch {
	case errors.As(err, &check):
		return "check"
	case errors.Is(err, errNoSuchVersion):
		return "version"
	}
	return "network"
}
