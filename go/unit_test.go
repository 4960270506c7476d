package candor

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func at(t *testing.T, date string, minutes int) time.Time {
	t.Helper()
	day, err := parseDay(date)
	if err != nil {
		t.Fatal(err)
	}
	return day.start().Add(time.Duration(minutes) * time.Minute)
}

func TestFailedAttemptsAreRepeatedLessAndLessOften(t *testing.T) {
	f := folder(t.TempDir())
	var made []int
	for minute := range 3 * 1440 {
		if attempt(f, at(t, "2026-11-22", minute)) {
			made = append(made, minute)
		}
	}
	want := []int{0, 15, 45, 105, 225, 465, 945, 1905, 3345}
	if len(made) != len(want) {
		t.Fatalf("got %v, want %v", made, want)
	}
	for i := range want {
		if made[i] != want[i] {
			t.Fatalf("got %v, want %v", made, want)
		}
	}
	if err := noteDone(f, dayOf(at(t, "2026-11-24", 0))); err != nil {
		t.Fatal(err)
	}
	if attempt(f, at(t, "2026-11-24", 1439)) || !attempt(f, at(t, "2026-11-25", 0)) || attempt(f, at(t, "2026-11-25", 14)) {
		t.Error("what was done is not attempted again that day, and the next day begins anew")
	}
}

func TestOnlyTheReceiversOwnAnswersAreFinal(t *testing.T) {
	const plain, html, page = "text/plain; charset=utf-8", "text/html", "<html>We will be back soon</html>"
	for _, c := range []struct {
		status            int
		contentType, body string
		want              answerKind
	}{
		{200, "", "", acceptedReport},
		{200, plain, "OK", acceptedReport},
		{400, plain, "the week 2026-02-08 is more than 28 days old\n", refusedReport},
		{503, plain, "the report cannot be stored now; send it again later\n", retryReport},
		{500, plain, "Internal Server Error\n", retryReport},
		{200, html, page, retryReport},
		{200, plain, "Down for maintenance", retryReport},
		{200, "application/json", `{"error":"maintenance"}`, retryReport},
		{200, html, "OK", retryReport},
		{400, html, page, retryReport},
		{400, "", "", retryReport},
		{201, "", "", retryReport},
		{204, "", "", retryReport},
		{302, "", "", retryReport},
		{403, plain, "forbidden", retryReport},
		{404, plain, "404 page not found", retryReport},
		{413, html, page, retryReport},
		{429, plain, "slow down", retryReport},
		{502, html, page, retryReport},
	} {
		if got := answerOf(c.status, c.contentType, []byte(c.body)); got.kind != c.want {
			t.Errorf("%d %q %q: got %v, want %v", c.status, c.contentType, c.body, got, c.want)
		}
	}
}

func TestNoRedirectOfAnUploadIsFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		requests := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests++; r.URL.Path == "/elsewhere" {
				return // An empty 200, as the receiver's.
			}
			http.Redirect(w, r, "/elsewhere", status)
		}))
		got, err := web{}.post(server.URL+"/upload/2026-11-08", []byte("{}"))
		if err != nil || got.kind != retryReport || !strings.Contains(got.text, "redirects are not followed") || requests != 1 {
			t.Errorf("%d: %v %v after %d requests", status, got, err, requests)
		}
		server.Close()
	}
}

func TestAnswersAreBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(make([]byte, 1000))
	}))
	defer server.Close()
	if _, err := (web{}).get(server.URL, 999); err == nil || !strings.Contains(err.Error(), "more than 999 bytes") {
		t.Error(err)
	}
	if body, err := (web{}).get(server.URL, 1000); err != nil || len(body) != 1000 {
		t.Error(len(body), err)
	}
}

func TestPlainHTTPIsForThisMachine(t *testing.T) {
	for text, good := range map[string]bool{
		"https://telemetry.example.org":     true,
		"https://telemetry.example.org/a/":  true,
		"http://127.0.0.1:8080":             true,
		"http://[::1]:8080":                 true,
		"http://localhost":                  true,
		"http://telemetry.example.org":      false,
		"https://me@telemetry.example.org":  false,
		"https://telemetry.example.org/?a":  false,
		"https://telemetry.example.org/#a":  false,
		"telemetry.example.org":             false,
		"ftp://telemetry.example.org":       false,
		"https://":                          false,
		"http://127.0.0.1.example.org:8080": false,
	} {
		if _, err := parseAddress(text); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTheVariableCannotOptIn(t *testing.T) {
	for _, c := range []struct{ file, variable, track, want string }{
		{"on 2026-11-22", "", "", "on"},
		{"on 2026-11-22", "off", "", "off"},
		{"on 2026-11-22", "No", "", "off"},
		{"on 2026-11-22", "local", "", "local"},
		{"on 2026-11-22", "anything", "", "on"},
		{"local 2026-11-22", "on", "", "local"},
		{"off 2026-11-22", "on", "", "off"},
		{"off 2026-11-22", "local", "", "off"},
		{"", "on", "", "off"},
		{"on 2026-11-22", "", "0", "on"},
		{"on 2026-11-22", "on", "1", "off"},
	} {
		f := folder(t.TempDir())
		if c.file != "" {
			if err := replace(f.mode(), temporaryFor(f.mode()), []byte(c.file)); err != nil {
				t.Fatal(err)
			}
		}
		environment := map[string]string{"TOOL_TELEMETRY": c.variable, "DO_NOT_TRACK": c.track}
		got := readConsent(f, "TOOL_TELEMETRY", func(name string) string { return environment[name] })
		if string(got.Mode) != c.want {
			t.Errorf("%+v: got %+v", c, got)
		}
	}
}

func TestProjectsHaveFoldersOfTheirOwn(t *testing.T) {
	for project, want := range map[string]string{
		"example.org/myprog": "example.org%2Fmyprog",
		"My Prog":            "%4Dy%20%50rog",
		".hidden.":           "%2Ehidden%2E",
		"a_b-c.d":            "a_b-c.d",
	} {
		if got := folderName(project); got != want {
			t.Errorf("%s: got %s, want %s", project, got, want)
		}
	}
}
