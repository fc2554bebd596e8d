package registry

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// flaky is a registry with one blob that fails as told: each request takes the next
// fault, and a request without one is answered.
type flaky struct {
	*httptest.Server
	blob   []byte
	digest string
	mu     sync.Mutex
	faults []string
	asked  []string
	ranges bool               // it supports them
	serves func(fault string) // called before a request is answered
}

func newFlaky(t *testing.T, size int) *flaky {
	f := &flaky{blob: make([]byte, size), ranges: true}
	random := rand.NewChaCha8([32]byte{1})
	random.Read(f.blob)
	f.digest = fmt.Sprintf("sha256:%x", sha256.Sum256(f.blob))
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := ""
	f.mu.Lock()
	f.asked = append(f.asked, strings.TrimPrefix(r.URL.Path, "/v2/app/")+" "+r.Header.Get("Range"))
	if r.URL.Path == "/v2/" && (len(f.faults) == 0 || !strings.HasPrefix(f.faults[0], "ping ")) {
		f.mu.Unlock()
		return
	}
	if len(f.faults) > 0 {
		fault, f.faults = strings.TrimPrefix(f.faults[0], "ping "), f.faults[1:]
	}
	ranges := f.ranges
	f.mu.Unlock()
	if f.serves != nil {
		f.serves(fault)
	}
	word, value, _ := strings.Cut(fault, " ")
	number, _ := strconv.Atoi(value)
	switch word {
	case "status":
		if code, after, ok := strings.Cut(value, " "); ok {
			w.Header().Set("Retry-After", after)
			number, _ = strconv.Atoi(code)
		}
		w.WriteHeader(number)
		return
	case "close":
		panic(http.ErrAbortHandler)
	case "cut":
		// The header promises all of the rest, and number bytes of it come.
		at := 0
		if ranges {
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &at)
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(f.blob)-at))
		if at > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, len(f.blob)-1, len(f.blob)))
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(f.blob[at : at+number])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "elsewhere":
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-9/%d", len(f.blob)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(f.blob[:10])
		return
	case "short":
		w.Write(f.blob[:number])
		return
	}
	if !ranges {
		r.Header.Del("Range")
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(f.blob)))
}

func (f *flaky) open(t *testing.T, set Settings) (*Client, error) {
	t.Helper()
	set.Keychain = authn.NewMultiKeychain()
	ref, err := ParseName(f.Listener.Addr().String() + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(t.Context(), set, ref, Read)
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

func (f *flaky) read(t *testing.T, c *Client) error {
	t.Helper()
	body, err := c.Blob(t.Context(), f.digest, int64(len(f.blob)))
	if err != nil {
		return err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err == nil && fmt.Sprintf("sha256:%x", sha256.Sum256(data)) != f.digest {
		t.Error("other bytes were read than are stored")
	}
	return err
}

// hasty are the settings of this machine with shorter waits before another try.
func hasty() Settings {
	set := System()
	set.Pause, set.Wait = time.Millisecond, 2*time.Second
	return set
}

// TestAgain reads a blob from a registry that fails for a while, and in ways that
// another try does not mend.
func TestAgain(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	for _, tt := range []struct {
		faults   string // separated by commas
		noRanges bool
		want     string // part of the error; empty for success
		requests string // those after the first, as the server sees them
	}{
		{faults: ""},
		{faults: "status 429,status 503,status 500", requests: "+ + +"},
		{faults: "status 502,close,status 504", requests: "+ + +"},
		{faults: "status 429,status 429,status 429,status 429,status 429", want: "asks to wait, for there were too many requests (429)", requests: "+ + +"},
		{faults: "status 429 1", requests: "+"},
		{faults: "status 429 3600", want: "asks to wait 1h0m0s, for there were too many requests (429)"},
		{faults: "status 503 86400", want: "answers with status 503: try again later; it asks to wait 24h0m0s"},
		{faults: "status 429 soon", requests: "+"},
		{faults: "status 404", want: "(404)"},
		{faults: "status 401", want: "(401)"},
		{faults: "status 403", want: "(403)"},
		{faults: "cut 1000000", requests: "1000000"},
		{faults: "cut 1000000,status 503,cut 1000000,cut 17", requests: "1000000 1000000 2000000 2000017"},
		{faults: "cut 0,cut 0", requests: "+ +"},
		{faults: "cut 100,cut 100,cut 100,cut 100", want: "unexpected EOF", requests: "100 200 300"},
		{faults: "cut 1000000,cut 1200000", noRanges: true, requests: "1000000 1200000"},
		{faults: "cut 1000000,cut 5,", noRanges: true, requests: "1000000 1000000"},
		{faults: "cut 1000000,elsewhere", want: "another part of a blob", requests: "1000000"},
		{faults: "cut 1000000,short 10", want: "a shorter blob than before", requests: "1000000"},
		{faults: "cut 1000000,status 404", want: "(404)", requests: "1000000"},
		{faults: "ping status 503,ping close,ping status 429"},
	} {
		t.Run(tt.faults, func(t *testing.T) {
			t.Parallel()
			f := newFlaky(t, size)
			f.ranges = !tt.noRanges
			f.faults = strings.Split(tt.faults, ",")
			start := time.Now()
			c, err := f.open(t, hasty())
			if err == nil {
				err = f.read(t, c)
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v", err)
			}
			var again []string
			for _, asked := range f.asked {
				id, part, _ := strings.Cut(asked, " ")
				part = strings.TrimSuffix(strings.TrimPrefix(part, "bytes="), "-")
				if part == "" {
					part = "+"
				}
				if strings.HasPrefix(id, "blobs/") {
					again = append(again, part)
				}
			}
			if got := strings.Join(again[1:], " "); got != tt.requests {
				t.Errorf("requests %q", got)
			}
			if waited := time.Since(start); strings.HasSuffix(tt.faults, " 1") && waited < time.Second {
				t.Errorf("it waited for %v", waited)
			}
		})
	}
}

// TestAgainEnds: a wait ends with the context, and an answer that hangs in the middle
// ends as well.
func TestAgainEnds(t *testing.T) {
	t.Parallel()
	f := newFlaky(t, 100)
	set := hasty()
	set.Pause = time.Hour
	c, err := f.open(t, set)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = c.Again(ctx, func() error {
		cancel()
		return io.ErrUnexpectedEOF
	})
	if err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
	// The clock of a bubble goes on when all of it waits.
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		began := time.Now()
		if err := c.Again(ctx, func() error { return io.ErrUnexpectedEOF }); !errors.Is(err, context.Canceled) || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
	ctx, cancel = context.WithCancel(t.Context())
	f.faults = []string{"cut 10", "status 503"}
	f.serves = func(fault string) {
		if fault == "status 503" {
			cancel()
		}
	}
	body, err := c.Blob(ctx, f.digest, 100)
	if err == nil {
		_, err = io.ReadAll(body)
		body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := "Sun, 29 Nov 2026 10:00:00 GMT"
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-7": 0, "7.5": 0, "soon": 0, "99999999999": 0,
		"Sun, 29 Nov 2026 10:00:30 GMT": 30 * time.Second, "Sun, 29 Nov 2026 09:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}, "Date": {now}}); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
	if got := retryAfter(http.Header{"Retry-After": {now}}); got != 0 {
		t.Errorf("without a clock: %v", got)
	}
}
