package attach

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/registry"
)

const tool = "v1.0.0"

// filesOf are the files of a release of a date, about subjects.
func filesOf(t *testing.T, date string, subjects ...bundle.Digest) map[string][]byte {
	t.Helper()
	c := sbom.Component{PURL: "pkg:deb/debian/bash@1", Kind: sbom.KindOS, Type: "deb", Namespace: "debian", Name: "bash", Version: "1", Arch: "amd64", Paths: []string{"/var/lib/dpkg/status"}}
	c.ID = sbom.Identity(&c)
	s := audit.Stage{Name: "build", Critical: true, Environment: "dir:build", Method: audit.Method{Rules: sbom.Rules, Catalogers: "c"},
		Dependencies: []audit.Dependency{{Component: c, Key: sbom.Key(&c), Provenance: audit.FromOS, Evidence: "db-owned"}},
		Growth:       audit.Growth{Known: true, Baseline: 1, Added: []audit.GrowthGroup{}, Removed: []audit.Accepted{}, Changed: []audit.VersionChange{}},
		Findings:     []audit.Finding{}, Gaps: []audit.Gap{}}
	s.Counts.Count(audit.FromOS)
	s.Ecosystems = audit.CountEcosystems(s.Dependencies)
	r := &audit.Report{Schema: audit.ReportSchema, Pipeline: "p", Rules: sbom.Rules, Tool: audit.Tool{Name: "depaudit", Version: tool, Catalogers: "c"}, Stages: []audit.Stage{s}}
	r.Stages[0].Verdict = audit.Pass
	r.Verdict = r.DeriveVerdict()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(r); err != nil {
		t.Fatal(err)
	}
	r, err := audit.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	files, err := bundle.Files(r, bundle.Manifest{Tool: tool, Date: at, Subjects: subjects})
	if err != nil {
		t.Fatal(err)
	}
	files[bundle.SumsFile] = bundle.Sums(files)
	return files
}

// server is a registry in memory. before may answer a request itself.
type server struct {
	t      *testing.T
	host   string
	inner  http.Handler
	mu     sync.Mutex
	before func(w http.ResponseWriter, r *http.Request) bool
	seen   []string // methods and paths
}

func serve(t *testing.T, lists bool) *server {
	t.Helper()
	s := &server{t: t, inner: ggcr.New(ggcr.WithReferrersSupport(lists), ggcr.Logger(log.New(io.Discard, "", 0)))}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.URL.Path)
		before := s.before
		s.mu.Unlock()
		if before == nil || !before(w, r) {
			s.inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(h.Close)
	s.host = h.Listener.Addr().String()
	return s
}

// put stores a manifest or an index.
func (s *server) put(path, mediaType, body string) string {
	s.t.Helper()
	req := httptest.NewRequest(http.MethodPut, "/v2/"+path, strings.NewReader(body))
	req.Header.Set("Content-Type", mediaType)
	w := httptest.NewRecorder()
	s.inner.ServeHTTP(w, req)
	if w.Code != http.StatusCreated {
		s.t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return digestOf([]byte(body))
}

// get returns what is stored.
func (s *server) get(path string) string {
	w := httptest.NewRecorder()
	s.inner.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v2/"+path, nil))
	return w.Body.String()
}

const (
	imageType = "application/vnd.oci.image.manifest.v1+json"
	indexType = "application/vnd.oci.image.index.v1+json"
	image     = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}`
)

// quick are the settings of this machine with shorter waits before another try. Its
// time-outs are long: no test is about them, and a machine may be busy.
func quick() registry.Settings {
	set := registry.System()
	set.Pause = 4 * time.Millisecond
	return set
}

func (s *server) open(ref string) *Repository {
	s.t.Helper()
	r, err := open(s.t.Context(), s.host+"/"+ref, registry.Write, quick(), 4*time.Millisecond)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(r.Close)
	return r
}

func (s *server) push(ref string, files map[string][]byte, own bool) Pushed {
	s.t.Helper()
	out, err := s.open(ref).Push(s.t.Context(), files, tool, As{Own: own})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *server) releases(ref string) []Release {
	s.t.Helper()
	list, err := s.open(ref).Releases(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// TestRoundTrip stores releases of an image and of an index, with and without the
// API, and reads them back.
func TestRoundTrip(t *testing.T) {
	first, second := filesOf(t, "2026-10-01"), filesOf(t, "2026-11-01")
	for _, lists := range []bool{true, false} {
		s := serve(t, lists)
		subject := s.put("some/app/manifests/1.0", imageType, image)
		s.put("some/app/manifests/latest", imageType, image)
		many := s.put("some/app/manifests/2.0", indexType, `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[{"mediaType":"`+imageType+`","digest":"`+subject+`","size":`+fmt.Sprint(len(image))+`,"platform":{"os":"linux","architecture":"amd64"}}]}`)
		if list := s.releases("some/app:1.0"); len(list) != 0 {
			t.Errorf("releases of an image without: %v", list)
		}
		got := s.push("some/app:1.0", second, false)
		if got.Existed || got.Subject != subject || (got.Tag == "") != lists || got.Verdict != "pass" || got.Tool != tool {
			t.Errorf("lists %v: %+v", lists, got)
		}
		again := s.push("some/app@"+subject, maps.Clone(second), false)
		if !again.Existed || again.Digest != got.Digest {
			t.Errorf("the same again: %+v", again)
		}
		if list := s.releases("some/app:1.0"); len(list) != 1 || list[0].Digest != got.Digest {
			t.Errorf("after the same push twice: %v", list)
		}
		older := s.push("some/app:1.0", first, false)
		list := s.releases("some/app:1.0")
		if len(list) != 2 || list[0].Digest != older.Digest || !list[0].Superseded || list[1].Superseded || list[1].Err != nil {
			t.Errorf("two releases: %+v", list)
		}
		r := s.open("some/app:1.0")
		files, err := r.Files(t.Context(), list[1])
		if err != nil || !maps.EqualFunc(files, second, bytes.Equal) {
			t.Errorf("other files came back: %v", err)
		}
		// By its own digest, and not the newer one.
		if list := s.releases("some/app@" + older.Digest); len(list) != 1 || list[0].Digest != older.Digest {
			t.Errorf("by digest: %v", list)
		}
		if got := s.push("some/app:2.0", first, false); got.Subject != many {
			t.Errorf("the subject of an index: %+v", got)
		}
		all := s.releases("some/app")
		var names []string
		for _, rel := range all {
			names = append(names, rel.Name("app"))
			if rel.Err != nil {
				t.Errorf("%v", rel.Err)
			}
		}
		if len(all) != 3 || !strings.Contains(strings.Join(names, " "), "app:1.0") || !strings.Contains(strings.Join(names, " "), "app:2.0") || len(all[2].Tags) != 2 || all[2].Tags[0] != "1.0" {
			t.Errorf("of the repository: %v %+v", names, all)
		}
	}
}

// TestOwnTag stores a release without an image.
func TestOwnTag(t *testing.T) {
	files := filesOf(t, "2026-10-01")
	for _, lists := range []bool{true, false} {
		s := serve(t, lists)
		_, err := s.open("stages:1.0").Push(t.Context(), files, tool, As{})
		if !errors.Is(err, ErrNoImage) {
			t.Errorf("a push to nothing: %v", err)
		}
		got := s.push("stages:1.0", files, true)
		if got.Subject != "" || got.Existed {
			t.Errorf("%+v", got)
		}
		for _, own := range []bool{true, false} {
			if again := s.push("stages:1.0", files, own); !again.Existed || again.Digest != got.Digest {
				t.Errorf("again: %+v", again)
			}
		}
		if _, err := s.open("stages:1.0").Push(t.Context(), filesOf(t, "2026-11-01"), tool, As{Own: true}); !errors.Is(err, ErrTaken) {
			t.Errorf("another release under the tag: %v", err)
		}
		// A correction is attached to it.
		later := s.push("stages:1.0", filesOf(t, "2026-11-01"), false)
		list := s.releases("stages:1.0")
		if len(list) != 2 || list[1].Digest != later.Digest || later.Subject != got.Digest || !list[0].Superseded {
			t.Errorf("a correction: %+v", list)
		}
		s.put("stages/manifests/image", imageType, image)
		if _, err := s.open("stages:image").Push(t.Context(), files, tool, As{Own: true}); !errors.Is(err, ErrTaken) {
			t.Errorf("an image has the tag: %v", err)
		}
	}
}

// TestChanged: a directory that was changed is not stored, and nothing of it.
func TestChanged(t *testing.T) {
	s := serve(t, true)
	s.put("app/manifests/1", imageType, image)
	for what, change := range map[string]func(map[string][]byte){
		"a byte":     func(f map[string][]byte) { f[bundle.PageFile] = append(f[bundle.PageFile], ' ') },
		"a file":     func(f map[string][]byte) { f["extra.txt"] = nil; f[bundle.SumsFile] = bundle.Sums(f) },
		"a name":     func(f map[string][]byte) { f["../x"] = nil; f[bundle.SumsFile] = bundle.Sums(f) },
		"no report":  func(f map[string][]byte) { delete(f, bundle.ReportFile) },
		"no digests": func(f map[string][]byte) { delete(f, bundle.SumsFile) },
		"nothing":    func(f map[string][]byte) { clear(f) },
	} {
		files := filesOf(t, "2026-10-01")
		change(files)
		s.seen = nil
		_, err := s.open("app:1").Push(t.Context(), files, tool, As{})
		if _, ok := errors.AsType[bundle.Problems](err); !ok {
			t.Errorf("%s: %v", what, err)
		}
		if len(s.seen) > 1 {
			t.Errorf("%s: requests were made: %v", what, s.seen)
		}
	}
}

// TestOtherReferrers: what other programs attached is kept as it is.
func TestOtherReferrers(t *testing.T) {
	s := serve(t, false)
	subject := s.put("app/manifests/1", imageType, image)
	other := s.put("app/manifests/sig", imageType, `{"schemaVersion":2,"mediaType":"`+imageType+`","artifactType":"application/x","config":{},"layers":[],"subject":{"digest":"`+subject+`"}}`)
	entry := `{"mediaType":"` + imageType + `","digest":"` + other + `","size":10,"artifactType":"application/x","data":"QQ==","new":{"field":1}}`
	tag := referrerTagOf(subject)
	s.put("app/manifests/"+tag, indexType, `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[`+entry+`],"annotations":{"a":"b"}}`)
	s.push("app:1", filesOf(t, "2026-10-01"), false)
	text := s.get("app/manifests/" + tag)
	if !strings.Contains(text, entry) || !strings.Contains(text, `"annotations":{"a":"b"}`) {
		t.Errorf("the index is %s", text)
	}
	if list := s.releases("app:1"); len(list) != 1 || list[0].Err != nil {
		t.Errorf("%+v", list)
	}
}

// rounds lets writers go on together: each waits until all others that have not ended
// wait as well.
type rounds struct {
	mu               sync.Mutex
	writers, waiting int
	next             chan struct{}
}

func newRounds(writers int) *rounds { return &rounds{writers: writers, next: make(chan struct{})} }

// wait waits for the others.
func (r *rounds) wait(context.Context, time.Duration) error {
	r.mu.Lock()
	next := r.next
	r.waiting++
	r.release()
	r.mu.Unlock()
	<-next
	return nil
}

// leave ends the part of one writer.
func (r *rounds) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writers--
	r.release()
}

func (r *rounds) release() {
	if r.waiting == r.writers {
		r.waiting = 0
		close(r.next)
		r.next = make(chan struct{})
	}
}

// TestRace has writers that work in step, in the worst order in which a pause is as long
// as it should be: all read the list before one writes it, and all have written it when a
// pause is over. In each round the entry of the last one remains.
func TestRace(t *testing.T) {
	for _, writers := range []int{1, 2, 5, maxAttempts, maxAttempts + 1} {
		s := serve(t, false)
		subject := s.put("app/manifests/1", imageType, image)
		step, puts := newRounds(writers), 0
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, referrerTagOf(subject)) {
				step.wait(r.Context(), 0)
				s.mu.Lock()
				puts++
				s.mu.Unlock()
			}
			return false
		}
		var late atomic.Int64
		var wg sync.WaitGroup
		for i := range writers {
			files, r := filesOf(t, fmt.Sprintf("2026-10-%02d", i+1)), s.open("app:1")
			r.sleep = step.wait
			wg.Go(func() {
				defer step.leave()
				if _, err := r.Push(t.Context(), files, tool, As{}); err != nil {
					late.Add(1)
					if writers <= maxAttempts || !strings.Contains(err.Error(), "push it again") {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		// After maxAttempts rounds a writer gives up.
		listed := min(writers, maxAttempts)
		want := 0
		for round := range listed {
			want += writers - round
		}
		if list := s.releases("app:1"); len(list) != listed || int(late.Load()) != writers-listed || puts != want {
			t.Errorf("%d of %d are listed, %d gave up, after %d writes and not %d", len(list), writers, late.Load(), puts, want)
		}
	}
}

// TestLost: one that writes an older list over ours is noticed during the pause, and is
// not after it. The same push once more repairs that.
func TestLost(t *testing.T) {
	s := serve(t, false)
	subject := s.put("app/manifests/1", imageType, image)
	s.push("app:1", filesOf(t, "2026-10-01"), false)
	tag := referrerTagOf(subject)
	old, times := s.get("app/manifests/"+tag), 0
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, tag) {
			return false
		}
		s.inner.ServeHTTP(w, r)
		if times++; times <= 2 {
			s.put("app/manifests/"+tag, indexType, old)
		}
		return true
	}
	s.push("app:1", filesOf(t, "2026-10-09"), false)
	if list := s.releases("app:1"); len(list) != 2 || times != 3 {
		t.Errorf("%d of 2 are listed after %d writes", len(list), times)
	}
	times = -1000 // every write is lost
	if _, err := s.open("app:1").Push(t.Context(), filesOf(t, "2026-10-10"), tool, As{}); err == nil || !strings.Contains(err.Error(), "push it again") {
		t.Errorf("never listed: %v", err)
	}
	s.before = nil
	s.put("app/manifests/"+tag, indexType, old)
	for _, date := range []string{"2026-10-09", "2026-10-10"} {
		if out := s.push("app:1", filesOf(t, date), false); !out.Existed {
			t.Errorf("%+v", out)
		}
	}
	if list := s.releases("app:1"); len(list) != 3 {
		t.Errorf("%d of 3 are listed after the same pushes", len(list))
	}
}

// TestRaceInRegistry: a registry with the API that loses an entry, as olareg 0.2.2 does
// when two writers attach at once, is given it again.
func TestRaceInRegistry(t *testing.T) {
	s := serve(t, true)
	subject := s.put("app/manifests/1", imageType, image)
	puts, lost := 0, 2
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/"):
			puts++
			w.Header().Set("OCI-Subject", subject)
		case strings.Contains(r.URL.Path, "/referrers/") && puts <= lost:
			w.Header().Set("Content-Type", indexType)
			io.WriteString(w, `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[]}`)
			return true
		}
		return false
	}
	if out := s.push("app:1", filesOf(t, "2026-10-01"), false); out.Tag != "" || out.Existed {
		t.Errorf("%+v", out)
	}
	if list := s.releases("app:1"); len(list) != 1 || puts != 3 {
		t.Errorf("%d of 1 are listed after %d writes", len(list), puts)
	}
	puts, lost = 0, maxAttempts-1 // the last one is not
	s.push("app:1", filesOf(t, "2026-10-03"), false)
	if list := s.releases("app:1"); len(list) != 2 || puts != maxAttempts {
		t.Errorf("%d of 2 are listed after %d writes", len(list), puts)
	}
	puts, lost = 0, 1000 // every write is lost
	if _, err := s.open("app:1").Push(t.Context(), filesOf(t, "2026-10-02"), tool, As{}); err == nil || !strings.Contains(err.Error(), "push it again") {
		t.Errorf("never listed: %v", err)
	}
	if got := s.get("app/manifests/" + referrerTagOf(subject)); strings.Contains(got, "schemaVersion") {
		t.Errorf("a tag beside the API: %s", got)
	}
}

// TestConditions: a registry with conditions refuses a write that would lose an entry.
func TestConditions(t *testing.T) {
	s := serve(t, false)
	subject := s.put("app/manifests/1", imageType, image)
	tag, refused := referrerTagOf(subject), 0
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, tag) {
			return false
		}
		have := s.get("app/manifests/" + tag)
		etag := `"` + digestOf([]byte(have)) + `"`
		exists := strings.Contains(have, "schemaVersion")
		if r.Method == http.MethodPut {
			match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
			if refused == 0 || exists && match != etag || !exists && none != "*" {
				refused++
				w.WriteHeader(http.StatusPreconditionFailed)
				return true
			}
		} else if exists {
			w.Header().Set("ETag", etag)
		}
		return false
	}
	s.push("app:1", filesOf(t, "2026-10-01"), false)
	s.push("app:1", filesOf(t, "2026-10-02"), false)
	if list := s.releases("app:1"); len(list) != 2 || refused != 1 {
		t.Errorf("%d are listed, %d refused", len(list), refused)
	}
}

// TestHostileRegistry has one trick each, of the registry or of who can write to it.
func TestHostileRegistry(t *testing.T) {
	files := filesOf(t, "2026-10-01")
	reportBlob := digestOf(files[bundle.ReportFile])
	type change func(*manifest)
	attached := func(c change) func(*server, string) {
		return func(s *server, subject string) {
			about := bundle.Verify(t.Context(), files, tool, nil, nil)
			m, _, err := release(files, &descriptor{MediaType: imageType, Digest: subject, Size: int64(len(image))}, &about)
			if err != nil {
				t.Fatal(err)
			}
			c(&m)
			if err := s.open("app:1").upload(t.Context(), files); err != nil {
				t.Fatal(err)
			}
			raw, _ := json.Marshal(m)
			s.put("app/manifests/"+digestOf(raw), imageType, string(raw))
		}
	}
	sized := func(file string, size int64) change {
		return func(m *manifest) {
			for i := range m.Layers {
				if m.Layers[i].Annotations[annotationTitle] == file {
					m.Layers[i].Size = size
				}
			}
		}
	}
	answer := func(match string, f func(w http.ResponseWriter)) func(*server, string) {
		return func(s *server, _ string) {
			s.push("app:1", files, false)
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, match) || strings.HasSuffix(r.URL.Path, "/1") {
					return false
				}
				f(w)
				return true
			}
		}
	}
	text := func(s string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { io.WriteString(w, s) }
	}
	list := func(entries string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", indexType)
			io.WriteString(w, `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[`+entries+`]}`)
		}
	}
	for name, tt := range map[string]struct {
		prepare func(*server, string)
		want    string
	}{
		"a name that climbs":  {attached(func(m *manifest) { m.Layers[0].Annotations[annotationTitle] = "../x" }), `the name "../x"`},
		"a hidden name":       {attached(func(m *manifest) { m.Layers[0].Annotations[annotationTitle] = ".bashrc" }), `the name ".bashrc"`},
		"a Windows path":      {attached(func(m *manifest) { m.Layers[0].Annotations[annotationTitle] = `c:\x` }), `the name "c:\\x"`},
		"terminal escapes":    {attached(func(m *manifest) { m.Layers[0].Annotations[annotationTitle] = "\x1b[2J\u202e" }), `\x1b[2J\u202e`},
		"no name":             {attached(func(m *manifest) { m.Layers[0].Annotations = nil }), `the name ""`},
		"two of one name":     {attached(func(m *manifest) { m.Layers[0].Annotations[annotationTitle] = bundle.ReportFile }), "two files have the name"},
		"a huge file":         {attached(func(m *manifest) { m.Layers[0].Size = 1 << 40 }), "has 1099511627776 bytes"},
		"a huge report":       {attached(sized(bundle.ReportFile, bundle.MaxReport+1)), "report.json: 268435457 bytes, of at most 268435456"},
		"a huge release.json": {attached(sized(bundle.ManifestFile, bundle.MaxManifest+1)), "release.json: 16777217 bytes, of at most 16777216"},
		"a negative file":     {attached(func(m *manifest) { m.Layers[0].Size = -1 }), "has -1 bytes"},
		"huge together":       {attached(func(m *manifest) { m.Layers[0].Size, m.Layers[1].Size = 1<<30-1, 1<<30-1 }), "bytes: a release has"},
		"another algorithm":   {attached(func(m *manifest) { m.Layers[0].Digest = "md5:0" }), "no digest that can be checked"},
		"no report":           {attached(func(m *manifest) { m.Layers = m.Layers[:1] }), "it has no "},
		"no date":             {attached(func(m *manifest) { m.Annotations = nil }), "it has no date"},
		"another date":        {attached(func(m *manifest) { m.Annotations[annotationCreated] = "2031-01-01T00:00:00Z" }), "it is of 2026-10-01, and its annotation in the registry has 2031-01-01"},
		"without a file":      {attached(func(m *manifest) { m.Layers = m.Layers[1:] }), "SHA256SUMS does not have"},
		"a file renamed":      {attached(func(m *manifest) { m.Layers[2].Annotations[annotationTitle] = "x" }), "SHA256SUMS does not have"},
		"a shorter size":      {attached(func(m *manifest) { m.Layers[0].Size-- }), "its descriptor has"},
		"too many files": {attached(func(m *manifest) {
			for i := range maxFiles {
				m.Layers = append(m.Layers, descriptor{Digest: m.Layers[0].Digest, Annotations: map[string]string{annotationTitle: fmt.Sprintf("f%d", i)}})
			}
		}), "files: a release has"},
		"another blob": {answer("/blobs/"+reportBlob, text(strings.Repeat(" ", len(files[bundle.ReportFile])))), "report.json: the registry sends other bytes"},
		"a short blob": {answer("/blobs/"+reportBlob, text("x")), "its descriptor has"},
		"an endless blob": {answer("/blobs/"+reportBlob, func(w http.ResponseWriter) {
			w.(http.Flusher).Flush()
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}), "sends other bytes"},
		"another manifest":    {answer("/manifests/sha256:", text(image)), "sends a manifest with the digest"},
		"a huge manifest":     {answer("/manifests/sha256:", text(strings.Repeat(" ", registry.MaxManifest+1))), "more than 4194304 bytes"},
		"a missing manifest":  {answer("/manifests/sha256:", func(w http.ResponseWriter) { w.WriteHeader(404) }), "(404)"},
		"a list of nonsense":  {answer("/referrers/", list(`"x"`)), "entry 1"},
		"a list with no name": {answer("/referrers/", list(`{"mediaType":"`+imageType+`","digest":"../../x","size":1,"artifactType":"`+ArtifactType+`"}`)), "no digest that can be checked"},
		"an ambiguous list": {answer("/referrers/", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", indexType)
			io.WriteString(w, `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[],"Manifests":[{}]}`)
		}), "what is attached"},
		"a list elsewhere": {answer("/referrers/", func(w http.ResponseWriter) {
			w.Header().Set("Link", `<http://169.254.169.254/x>; rel="next"`)
			list("")(w)
		}), "another place"},
		"a list in a circle": {answer("/referrers/", func(w http.ResponseWriter) {
			w.Header().Set("Link", `<?artifactType=application%2Fvnd.depaudit.release.v1%2Bjson>; rel="next"`)
			list("")(w)
		}), "where it began"},
		"a refusal": {answer("/referrers/", func(w http.ResponseWriter) { w.WriteHeader(403) }), "(403)"},
		"of another image": {func(s *server, subject string) {
			s.put("app/manifests/2", imageType, image+" ")
			got := s.push("app:2", files, false)
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, "/referrers/") {
					list(`{"mediaType":"` + imageType + `","digest":"` + got.Digest + `","size":1,"artifactType":"` + ArtifactType + `"}`)(w)
					return true
				}
				return false
			}
		}, "of another image"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, true)
			s.t = t
			subject := s.put("app/manifests/1", imageType, image)
			tt.prepare(s, subject)
			r := s.open("app:1")
			list, err := r.Releases(t.Context())
			if err == nil && len(list) != 1 {
				t.Fatalf("%d releases", len(list))
			}
			if err == nil {
				var got map[string][]byte
				if got, err = r.Files(t.Context(), list[0]); err == nil || got != nil {
					t.Errorf("files came back: %v", err)
				}
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, and not %s", err, tt.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\u202e") {
				t.Errorf("an error with escapes: %q", err)
			}
		})
	}
}

// TestBothLists: a registry that got the API has older releases under the tag.
func TestBothLists(t *testing.T) {
	s := serve(t, false)
	subject := s.put("app/manifests/1", imageType, image)
	old := s.push("app:1", filesOf(t, "2026-10-01"), false)
	later := s.push("app:1", filesOf(t, "2026-11-01"), false)
	tag := s.get("app/manifests/" + old.Tag)
	var list index
	if err := json.Unmarshal([]byte(tag), &list); err != nil || len(list.Manifests) != 2 {
		t.Fatalf("%v %s", err, tag)
	}
	entry := string(list.Manifests[1])
	list.Manifests = list.Manifests[:1]
	only, _ := json.Marshal(list)
	s.put("app/manifests/"+old.Tag, indexType, string(only))
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/referrers/"+subject) {
			return false
		}
		w.Header().Set("Content-Type", indexType)
		io.WriteString(w, `{"schemaVersion":2,"mediaType":"`+indexType+`","manifests":[`+entry+`]}`)
		return true
	}
	got := s.releases("app:1")
	if len(got) != 2 || got[0].Digest != old.Digest || got[1].Digest != later.Digest {
		t.Errorf("%+v", got)
	}
}

// TestOnlyReleases: artifacts of other kinds are left out, also if the registry gives
// them no type.
func TestOnlyReleases(t *testing.T) {
	s := serve(t, true)
	subject := s.put("app/manifests/1", imageType, image)
	for i, kind := range []string{"application/x", emptyType, ""} {
		body := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"artifactType":"a/b","config":{"mediaType":%q},"layers":[],"subject":{"digest":%q},"annotations":{"n":"%d"}}`, imageType, kind, subject, i)
		s.put("app/manifests/"+digestOf([]byte(body)), imageType, body)
	}
	if list := s.releases("app:1"); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	s.push("app:1", filesOf(t, "2026-10-01"), false)
	if list := s.releases("app:1"); len(list) != 1 || list[0].Err != nil {
		t.Errorf("%+v", list)
	}
}

// TestListContinues: one tag that cannot be read does not hide the others, and lists
// come in pages.
func TestListContinues(t *testing.T) {
	s := serve(t, false)
	for i := range 4 {
		s.push(fmt.Sprintf("stages:n%d", i), filesOf(t, fmt.Sprintf("2026-10-%02d", 4-i)), true)
	}
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/manifests/n1"):
			w.WriteHeader(http.StatusForbidden)
			return true
		case strings.HasSuffix(r.URL.Path, "/tags/list") && r.URL.Query().Get("last") == "":
			w.Header().Set("Link", `</v2/stages/tags/list?n=2&last=n1>; rel="next"`)
			io.WriteString(w, `{"tags":["n0","n1"]}`)
			return true
		}
		return false
	}
	list := s.releases("stages")
	var names []string
	for _, rel := range list {
		names = append(names, rel.Tags[0])
	}
	if strings.Join(names, " ") != "n3 n2 n0 n1" || list[3].Err == nil || list[2].Err != nil {
		t.Errorf("%v %+v", names, list)
	}
}

// TestBusy: a registry that is busy for a while is asked again, and one that refuses
// is not.
func TestBusy(t *testing.T) {
	s := serve(t, true)
	s.put("app/manifests/1", imageType, image)
	var mu sync.Mutex
	times := map[string]int{}
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		times[r.Method]++
		if times[r.Method] > 2 || r.URL.Path == "/v2/" {
			return false
		}
		w.WriteHeader([]int{429, 503}[times[r.Method]-1])
		return true
	}
	s.push("app:1", filesOf(t, "2026-10-01"), false)
	readonly := 0
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return false
		}
		readonly++
		w.WriteHeader(http.StatusMethodNotAllowed)
		return true
	}
	_, err := s.open("app:1").Push(t.Context(), filesOf(t, "2026-10-02"), tool, As{})
	if err == nil || !strings.Contains(err.Error(), "is read only (405)") || readonly > parallel {
		t.Errorf("%d requests: %v", readonly, err)
	}
	s.before = nil
	if list := s.releases("app:1"); len(list) != 1 {
		t.Errorf("half of a release: %+v", list)
	}
	// A cancel ends the wait.
	ctx, cancel := context.WithCancel(t.Context())
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		cancel()
		w.WriteHeader(503)
		return true
	}
	patient := quick()
	patient.Pause = time.Hour
	r, err := open(context.WithoutCancel(ctx), s.host+"/app:1", registry.Read, patient, pause)
	if err == nil {
		_, err = r.Releases(ctx)
	}
	if err == nil {
		t.Error("a canceled list succeeds")
	}
}

// TestUploadElsewhere: a registry cannot send the files to another server of this
// network.
func TestUploadElsewhere(t *testing.T) {
	s := serve(t, true)
	s.put("app/manifests/1", imageType, image)
	for _, place := range []string{"http://169.254.169.254/latest", "http://example.org/x", "ftp://example.org/x", ""} {
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			w.Header().Set("Location", place)
			w.WriteHeader(http.StatusAccepted)
			return true
		}
		if _, err := s.open("app:1").Push(t.Context(), filesOf(t, "2026-10-01"), tool, As{}); err == nil || !strings.Contains(err.Error(), "refused") && place != "" {
			t.Errorf("%s: %v", place, err)
		}
	}
}

// TestGone deletes what others name, as people and collectors of garbage do: none of it
// is a mistake of who reads, and a push repairs what belongs to the release.
func TestGone(t *testing.T) {
	for _, lists := range []bool{true, false} {
		s := serve(t, lists)
		image := s.put("app/manifests/1", imageType, image)
		files := filesOf(t, "2026-10-01")
		rel := s.push("app:1", files, false).Release
		remove := func(path string) {
			t.Helper()
			w := httptest.NewRecorder()
			s.inner.ServeHTTP(w, httptest.NewRequest(http.MethodDelete, "/v2/app/"+path, nil))
			if w.Code != http.StatusAccepted {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
		}
		wrong := func(what string, err error) {
			t.Helper()
			if err == nil || registry.NotFound(err) || !strings.Contains(err.Error(), "the registry does not have it (404)") {
				t.Errorf("%s: %v", what, err)
			}
		}
		remove("blobs/" + digestOf(files[bundle.PageFile]))
		_, err := s.open("app:1").Files(t.Context(), rel)
		wrong("a file", err)
		if s.push("app:1", files, false); len(s.get("app/blobs/"+digestOf(files[bundle.PageFile]))) != len(files[bundle.PageFile]) {
			t.Error("the file is not there again")
		}
		if !lists { // a registry with the API takes it off its list
			remove("manifests/" + rel.Digest)
			list, err := s.open("app:1").Releases(t.Context())
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			wrong("a release", list[0].Err)
			s.push("app:1", files, false)
		}
		remove("manifests/" + image)
		_, err = s.open("app:1").Images(t.Context(), rel)
		wrong("the image", err)
	}
}

// TestAttestations reads an attestation as programs do that have no reader for releases
// (https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md).
func TestAttestations(t *testing.T) {
	s := serve(t, true)
	of := s.put("app/manifests/1", imageType, image)
	key, err := bundle.ParseKey([]byte("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIOceqHhzEOrgn5sxxABYFUQHLYnaVESesG8y40Gd0HaI\n-----END PRIVATE KEY-----\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	files := filesOf(t, "2026-10-01", bundle.Digest{Name: s.host + "/app", SHA256: strings.TrimPrefix(of, "sha256:")})
	if err := bundle.Sign(t.Context(), files, key); err != nil {
		t.Fatal(err)
	}
	files[bundle.SumsFile] = bundle.Sums(files)
	out, err := s.open("app:1").Push(t.Context(), files, tool, As{Attestations: true})
	if err != nil || out.Attestations != 4 {
		t.Fatalf("%d attestations: %v", out.Attestations, err)
	}
	var list struct{ Manifests []descriptor }
	if err := json.Unmarshal([]byte(s.get("app/referrers/"+of)), &list); err != nil {
		t.Fatal(err)
	}
	payloads := map[string][]byte{}
	for _, d := range list.Manifests {
		var m manifest
		if err := json.Unmarshal([]byte(s.get("app/manifests/"+d.Digest)), &m); err != nil {
			t.Fatal(err)
		}
		if m.ArtifactType != "application/vnd.dev.sigstore.bundle.v0.3+json" {
			continue // this registry lists the type of the configuration
		}
		if len(m.Layers) != 1 || m.Layers[0].MediaType != m.ArtifactType || m.Subject.Digest != of || m.Annotations["org.opencontainers.image.created"] != "2026-10-01T00:00:00Z" {
			t.Errorf("%+v", m)
		}
		var b struct {
			MediaType            string
			VerificationMaterial struct{ PublicKey struct{ Hint string } }
			DSSEEnvelope         struct {
				Payload     []byte
				PayloadType string
				Signatures  []struct {
					KeyID string
					Sig   []byte
				}
			}
		}
		if err := json.Unmarshal([]byte(s.get("app/blobs/"+m.Layers[0].Digest)), &b); err != nil {
			t.Fatal(err)
		}
		id, _ := key.KeyID()
		if b.MediaType != m.ArtifactType || b.VerificationMaterial.PublicKey.Hint != id || len(b.DSSEEnvelope.Signatures) != 1 || b.DSSEEnvelope.Signatures[0].KeyID != "" || len(b.DSSEEnvelope.Signatures[0].Sig) != 64 || b.DSSEEnvelope.PayloadType != "application/vnd.in-toto+json" {
			t.Errorf("%+v", b)
		}
		payloads[m.Annotations["dev.sigstore.bundle.predicateType"]] = b.DSSEEnvelope.Payload
	}
	for predicate, file := range map[string]string{
		"https://in-toto.io/attestation/test-result/v0.1": "test-result.intoto.json",
		"https://in-toto.io/attestation/svr/v0.1":         "svr.intoto.json",
		"https://spdx.dev/Document":                       "build.spdx.intoto.json",
		"https://cyclonedx.org/bom":                       "build.cdx.intoto.json",
	} {
		if !bytes.Equal(payloads[predicate], files[file]) {
			t.Errorf("%s is not the statement in %s", predicate, file)
		}
	}
}

// TestTagOfCopy has something else under the tag of the list: `cosign copy` stores the
// image itself there, and `skopeo sync` one entry of a list.
func TestTagOfCopy(t *testing.T) {
	other := strings.Replace(image, `"layers":[]`, `"layers":[],"annotations":{"a":"b"}`, 1)
	for _, lists := range []bool{true, false} {
		for name, content := range map[string]string{"cosign": image, "skopeo": other} {
			s := serve(t, lists)
			s.put("app/manifests/1", imageType, image)
			s.put("app/manifests/"+referrerTagOf(digestOf([]byte(image))), imageType, content)
			list, err := s.open("app").Releases(t.Context())
			unsure := !lists && name == "skopeo"
			if err != nil || len(list) > 0 != unsure || unsure && !errors.Is(list[0].Err, errNoList) {
				t.Errorf("%s, API %v: %+v %v", name, lists, list, err)
			}
			_, err = s.open("app:1").Push(t.Context(), filesOf(t, "2026-10-01"), tool, As{})
			if (err != nil) != unsure {
				t.Errorf("%s, API %v: push: %v", name, lists, err)
			}
			if list, err = s.open("app:1").Releases(t.Context()); err != nil || len(list) != 1 || (list[0].Err != nil) != unsure {
				t.Errorf("%s, API %v: after push: %+v %v", name, lists, list, err)
			}
		}
	}
}
