package candor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// userAgent is all that a server is told about the program that downloads and uploads.
const userAgent = "candor-go/1"

// address is the address of a service, without a slash at the end. Everything is verified, so that nobody
// on the way can change an answer; https is for privacy. Plain http is accepted only for this machine, where
// tests and demonstrations run.
type address string

func parseAddress(text string) (address, error) {
	malformed := func(reason string) (address, error) {
		return "", fmt.Errorf("%.200q is not an address like https://telemetry.example.org: %s", text, reason)
	}
	parsed, err := url.Parse(text)
	switch {
	case err != nil:
		return malformed("it does not parse")
	case parsed.Host == "":
		return malformed("it has no host")
	case parsed.User != nil:
		return malformed("leave out the user name and password")
	case strings.ContainsAny(text, "?#"):
		return malformed("leave out everything from '?' or '#' on")
	case parsed.Scheme == "http" && !isThisMachine(parsed.Hostname()):
		return "", fmt.Errorf("%.200q would show everyone on the way who sends requests: use https (http is for this machine)", text)
	case parsed.Scheme != "https" && parsed.Scheme != "http":
		return malformed("it does not begin with https://")
	}
	return address(strings.TrimRight(text, "/")), nil
}

func isThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (a address) join(path string) string { return string(a) + "/" + path }

// errMissing says that a server has nothing at an address.
var errMissing = errors.New("there is nothing there")

// errNetwork is a failure to get an answer, which proves nothing.
type errNetwork struct{ reason string }

func (e *errNetwork) Error() string { return e.reason }

// network downloads and uploads.
type network interface {
	// get downloads what is at url, of at most limit bytes. The error is errMissing or *errNetwork.
	get(url string, limit int64) ([]byte, error)
	// post sends a report.
	post(url string, report []byte) (answer, error)
}

// answer is a server's answer to a report.
type answer struct {
	kind answerKind
	text string
}

type answerKind int

const (
	// acceptedReport: it has stored the report.
	acceptedReport answerKind = iota
	// refusedReport: it will never accept the report.
	refusedReport
	// retryReport: it cannot accept the report now, or something else has answered: send it again.
	retryReport
)

// web is the real network. It keeps no cookies, and gives up after a minute.
type web struct{}

func client(url string, redirects int) *http.Client {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		// An answer takes as many bytes as it says.
		DisableCompression: true,
		DisableKeepAlives:  true,
	}
	if !strings.HasPrefix(url, "https://") {
		// On this machine: no redirects, which could lead to another one, and no proxy.
		transport.Proxy, redirects = nil, 0
	}
	return &http.Client{
		Transport: transport,
		Timeout:   time.Minute,
		CheckRedirect: func(request *http.Request, via []*http.Request) error {
			if len(via) > redirects || request.URL.Scheme != "https" {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

func (web) get(url string, limit int64) ([]byte, error) {
	failed := func(err error) error {
		return &errNetwork{fmt.Sprintf("cannot download %s: %v; check the network and try again later", url, withoutURL(err))}
	}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return nil, failed(err)
	}
	request.Header.Set("User-Agent", userAgent)
	response, err := client(url, 3).Do(request)
	if err != nil {
		return nil, failed(err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%s: %w, but every log has something there: is the address right?", url, errMissing)
	default:
		return nil, &errNetwork{fmt.Sprintf("%s answered with status %d; try again later, or ask its operator", url, response.StatusCode)}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, failed(err)
	}
	if int64(len(body)) > limit {
		return nil, &errNetwork{fmt.Sprintf("%s answered with more than %d bytes; the answer was dropped", url, limit)}
	}
	return body, nil
}

// post sends a report, as Go's client does; but no redirect is followed: one would turn the POST into a
// GET, and its answer would be that of another page.
func (web) post(url string, report []byte) (answer, error) {
	failed := func(err error) (answer, error) {
		return answer{}, &errNetwork{fmt.Sprintf("cannot send the report to %s: %v", url, withoutURL(err))}
	}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, bytes.NewReader(report))
	if err != nil {
		return failed(err)
	}
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Content-Type", "application/json")
	response, err := client(url, 0).Do(request)
	if err != nil {
		return failed(err)
	}
	defer response.Body.Close()
	// The beginning of a refusal is enough; a 200 is the receiver's only if it is complete.
	body, err := io.ReadAll(io.LimitReader(response.Body, 1024))
	if err != nil && response.StatusCode == http.StatusOK {
		return failed(err)
	}
	return answerOf(response.StatusCode, response.Header.Get("Content-Type"), body), nil
}

// answerOf interprets a server's answer. Proxies, caches and firewalls in between answer, too, and next week
// they may be gone. So only an answer that the receiver itself would give is final:
//
//	200, empty or with the text OK      the receiver has stored the report
//	400 with plain text                 the receiver will never accept it
//	any other, or none                  the same bytes are sent again, another day
func answerOf(status int, contentType string, body []byte) answer {
	media, _, err := mime.ParseMediaType(contentType)
	isText := err == nil && media == "text/plain"
	text := oneLine(status, body)
	switch {
	case status == 200 && (len(body) == 0 || isText && string(bytes.TrimSpace(body)) == "OK"):
		return answer{acceptedReport, text}
	case status == 400 && isText:
		return answer{refusedReport, text}
	case status == 200:
		return answer{retryReport, "a page answered instead of the receiver: " + text}
	case status >= 300 && status < 400:
		return answer{retryReport, text + "; redirects are not followed"}
	}
	return answer{retryReport, text}
}

// oneLine is a status and a text from outside, as one line of printable characters.
func oneLine(status int, body []byte) string {
	sentence := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(body), "\uFFFD"))
	if runes := []rune(sentence); len(runes) > 300 {
		sentence = string(runes[:300])
	}
	return strings.TrimSpace(fmt.Sprintf("status %d %s", status, strings.TrimSpace(sentence)))
}

// withoutURL is an error of net/http without the address, which our own messages have.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
