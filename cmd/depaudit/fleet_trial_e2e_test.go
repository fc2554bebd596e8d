package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/depaudit/depaudit/sbom/wording"
)

// The images of this trial are the root that debootstrap made, as one layer that all of
// them share, one of a team for ten of them, and one of their own. Docker's own registry
// serves them, behind a proxy that counts and breaks requests.

// ociBlob is a blob with its descriptor.
type ociBlob struct {
	data   []byte
	digest string
	diffID string // of a layer
}

func blobOf(data []byte) ociBlob {
	return ociBlob{data: data, digest: fmt.Sprintf("sha256:%x", sha256.Sum256(data))}
}

func (b ociBlob) descriptor(mediaType string) map[string]any {
	return map[string]any{"mediaType": mediaType, "digest": b.digest, "size": len(b.data)}
}

// layerOf compresses an archive.
func layerOf(t *testing.T, archive []byte) ociBlob {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(archive); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer := blobOf(b.Bytes())
	layer.diffID = blobOf(archive).digest
	return layer
}

// wheelLayer is a layer with a Python package.
func wheelLayer(t *testing.T, name string) ociBlob {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	site := "usr/local/lib/python3.11/dist-packages/"
	for _, file := range [][2]string{
		{name + ".py", ""},
		{name + "-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.0\n"},
		{name + "-1.0.dist-info/RECORD", name + ".py,,\n" + name + "-1.0.dist-info/METADATA,,\n"},
	} {
		if err := w.WriteHeader(&tar.Header{Name: site + file[0], Mode: 0o644, Size: int64(len(file[1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, file[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return layerOf(t, b.Bytes())
}

// pusher uploads images to a registry.
type pusher struct {
	t    *testing.T
	base string // http://HOST/v2/REPOSITORY
	done map[string]bool
}

func (p *pusher) do(method, address, mediaType string, body []byte, want int) *http.Response {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != want {
		p.t.Fatalf("%s %s: %s\n%s", method, address, resp.Status, text)
	}
	return resp
}

func (p *pusher) blob(b ociBlob) {
	p.t.Helper()
	if p.done[b.digest] {
		return
	}
	p.done[b.digest] = true
	place, err := p.do("POST", p.base+"/blobs/uploads/", "", nil, http.StatusAccepted).Location()
	if err != nil {
		p.t.Fatal(err)
	}
	query := place.Query()
	query.Set("digest", b.digest)
	place.RawQuery = query.Encode()
	p.do("PUT", place.String(), "application/octet-stream", b.data, http.StatusCreated)
}

func (p *pusher) image(tag string, layers ...ociBlob) {
	p.t.Helper()
	var diffIDs []string
	var descriptors []any
	for _, l := range layers {
		p.blob(l)
		diffIDs = append(diffIDs, l.diffID)
		descriptors = append(descriptors, l.descriptor("application/vnd.oci.image.layer.v1.tar+gzip"))
	}
	encode := func(v any) ociBlob {
		data, err := json.Marshal(v)
		if err != nil {
			p.t.Fatal(err)
		}
		return blobOf(data)
	}
	config := encode(map[string]any{"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs}})
	p.blob(config)
	const mediaType = "application/vnd.oci.image.manifest.v1+json"
	manifest := encode(map[string]any{"schemaVersion": 2, "mediaType": mediaType, "config": config.descriptor("application/vnd.oci.image.config.v1+json"), "layers": descriptors})
	p.do("PUT", p.base+"/manifests/"+tag, mediaType, manifest.data, http.StatusCreated)
}

// faultyProxy passes requests on to a registry, counts those of blobs, and, if told to,
// breaks some.
type faultyProxy struct {
	next http.Handler
	// layers are the digests that are counted, with their sizes.
	layers map[string]int

	mu       sync.Mutex
	faulty   bool
	requests int
	faults   map[string]int
	pulls    map[string]int
}

func (p *faultyProxy) reset(faulty bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faulty, p.requests, p.faults, p.pulls = faulty, 0, map[string]int{}, map[string]int{}
}

// total returns how often layers were requested, and how many were more than once.
func (p *faultyProxy) total() (pulls, repeated int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.pulls {
		pulls += n
		if n > 1 {
			repeated++
		}
	}
	return pulls, repeated
}

func (p *faultyProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests++
	digest := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	size, isLayer := p.layers[digest]
	if isLayer && r.Method == http.MethodGet {
		p.pulls[digest]++
	}
	fault := ""
	switch {
	case !p.faulty:
	case isLayer && p.pulls[digest] == 1 && size > 1<<20:
		fault = "cut"
	case p.requests%37 == 0:
		fault = "503"
	case p.requests%53 == 0:
		fault = "429"
	case p.requests%71 == 0:
		fault = "close"
	}
	if fault != "" {
		p.faults[fault]++
	}
	p.mu.Unlock()
	switch fault {
	case "503", "429":
		code, _ := strconv.Atoi(fault)
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(code)
		return
	case "close":
		panic(http.ErrAbortHandler)
	case "cut":
		w = &cutWriter{w, size / 2}
	}
	p.next.ServeHTTP(w, r)
}

// cutWriter breaks the connection after some bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(b []byte) (int, error) {
	if w.left < len(b) {
		w.ResponseWriter.Write(b[:w.left])
		panic(http.ErrAbortHandler)
	}
	w.left -= len(b)
	return w.ResponseWriter.Write(b)
}

// TestFleetTrial audits a list of images in one process, in some processes at once with
// one cache, with a cache that was damaged, and as the Indexed Job of the example with
// one process a line, of which some are killed, by a registry that fails: all have the
// same reports and tables.
//
// DEPAUDIT_FLEET_TRIAL is the number of lines for the first and the last of these, instead
// of 100 lines for all. The figures of 1000 are in docs/benchmarks.md.
func TestFleetTrial(t *testing.T) {
	roots := realRoots(t)
	lines, trials := 100, []string{"four", "warm", "damaged", "many"}
	if s := os.Getenv("DEPAUDIT_FLEET_TRIAL"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 100 || n%10 != 0 {
			t.Fatalf("DEPAUDIT_FLEET_TRIAL=%s: not a multiple of ten from 100", s)
		}
		lines, trials = n, []string{"many"}
	}
	archive, err := exec.CommandContext(t.Context(), "tar", "--numeric-owner", "-C", filepath.Join(roots, "build-source"), "-c", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := startRegistry(t)
	address, err := url.Parse("http://" + backend)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(address)
	forward.ErrorLog = log.New(io.Discard, "", 0) // workers that are killed
	proxy := &faultyProxy{next: forward, layers: map[string]int{}}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)

	c := &cluster{t: t, root: t.TempDir(), parallel: 4}
	push := &pusher{t, "http://" + backend + "/v2/app", map[string]bool{}}
	base := layerOf(t, archive)
	proxy.layers[base.digest] = len(base.data)
	list := ""
	for team := range lines / 10 {
		shared := wheelLayer(t, fmt.Sprintf("team%d", team))
		proxy.layers[shared.digest] = len(shared.data)
		config := fmt.Sprintf("pipeline: team%d\nstages:\n", team)
		for i := range 10 {
			own := wheelLayer(t, fmt.Sprintf("own%d", team*10+i))
			proxy.layers[own.digest] = len(own.data)
			tag := fmt.Sprintf("t%d-%d", team, i)
			push.image(tag, base, shared, own)
			config += fmt.Sprintf("  - {name: s%d, environment: 'registry:%s/app:%s'}\n", i, server.Listener.Addr(), tag)
			list += fmt.Sprintf("team%d/s%d pipelines/team%d/depaudit.yaml s%d\n", team, i, team, i)
		}
		writeFiles(t, c.root, map[string]string{fmt.Sprintf("fleet/pipelines/team%d/depaudit.yaml", team): config})
	}
	writeFiles(t, c.root, map[string]string{"fleet/stages.txt": list})

	// run audits the list in parts, each by a process of the example's container, with
	// its own directory of reports and a cache.
	run := func(reports, cache string, parts int) {
		t.Helper()
		job := exampleJob(t, "kubernetes.yaml", "completions: 100 ", fmt.Sprintf("completions: %d ", parts), "%100", fmt.Sprintf("%%%d", parts),
			"/data/reports", "/data/"+reports, "/data/cache", "/data/"+cache)
		start := time.Now()
		end := c.indexed(job)
		took := time.Since(start)
		if slices.Max(end.codes) != exitPass {
			t.Fatalf("%s: exit codes %v\n%s", reports, end.codes, tail(c.log.String()))
		}
		tries := 0
		for _, n := range end.tries {
			tries += n
		}
		pulls, repeated := proxy.total()
		t.Logf("%s: %d lines in %d parts, %d processes of which %d were killed, %.1f s; %d requests, %d of %d layers, %d of them repeated; faults %v",
			reports, lines, parts, tries, c.killed, took.Seconds(), proxy.requests, pulls, len(proxy.layers), repeated, proxy.faults)
		c.killed = 0
	}
	once := func(what string) {
		t.Helper()
		if pulls, repeated := proxy.total(); pulls != len(proxy.layers) || repeated > 0 {
			t.Errorf("%s: %d requests of %d layers, %d repeated", what, pulls, len(proxy.layers), repeated)
		}
	}
	proxy.reset(false)
	run("one", "cache-one", 1)
	once("one process")

	if slices.Contains(trials, "four") {
		sharedCache(t, c, proxy, run, once)
	}

	random := rand.New(rand.NewPCG(1, 2))
	c.kill = func(_, try int) time.Duration {
		c.mu.Lock()
		defer c.mu.Unlock()
		if try > 2 || random.IntN(3) > 0 {
			return 0
		}
		return time.Duration(1 + random.IntN(int(1500*time.Millisecond)))
	}
	proxy.reset(true)
	run("many", "cache-many", lines)

	for _, reports := range append([]string{"one"}, trials...) {
		dir := filepath.Join(c.root, "data", reports)
		night := "date=" + exampleNight
		if out, stderr, code := program(t, dir, "fleet", "check", filepath.Join(c.root, "fleet/stages.txt"), night); code != exitPass || !strings.Contains(out, wording.Count(lines, "line", "lines")+": "+wording.Count(lines, "pass", "pass")+"\n") {
			t.Errorf("%s: exit code %d\n%s%s", reports, code, out, stderr)
		}
		if _, stderr, code := program(t, dir, "export", night, "-o", "ndjson=tables"); code != exitPass {
			t.Errorf("%s: exit code %d\n%s", reports, code, stderr)
		}
		if reports != "one" {
			sameTrees(t, dir, filepath.Join(c.root, "data/one"))
		}
	}
}

// sharedCache audits the list by four processes at once with one cache, which is empty,
// full and damaged.
func sharedCache(t *testing.T, c *cluster, proxy *faultyProxy, run func(reports, cache string, parts int), once func(string)) {
	t.Helper()
	proxy.reset(false)
	run("four", "cache-four", 4)
	once("four processes with one cache")
	proxy.reset(false)
	run("warm", "cache-four", 4)
	if pulls, _ := proxy.total(); pulls > 0 {
		t.Errorf("with a warm cache, %d layers are requested", pulls)
	}
	damaged := 0
	files, err := filepath.Glob(filepath.Join(c.root, "data/cache-four/depaudit/layers/*.layer"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data := []byte(read1(t, file))
		data[rand.IntN(len(data))] ^= 0x40
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		damaged++
	}
	proxy.reset(false)
	run("damaged", "cache-four", 4)
	if damaged != len(proxy.layers) {
		t.Errorf("the cache has %d files of %d layers", damaged, len(proxy.layers))
	}
	once("a damaged cache")
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// TestFleetGitLab runs the example for GitLab by gitlab-ci-local, which checks it by
// GitLab's own schema, and has its rules for jobs, artifacts and variables.
func TestFleetGitLab(t *testing.T) {
	endToEnd(t)
	t.Parallel()
	tools := t.TempDir()
	runTool(t, "npm", "install", "--prefix", tools, "--no-audit", "--no-fund", "--ignore-scripts", "gitlab-ci-local@4.61.1")
	programAs(t, filepath.Join(tools, "depaudit"))
	text := strings.Replace(read1(t, "../../docs/examples/fleet/gitlab.yml"), "parallel: 20 ", "parallel: 3 ", 1)
	for _, test := range []struct {
		name, old, text, log string
		code                 int
	}{
		{"pass", "", "", "3 lines: 3 pass\n", 0},
		{"a job is lost", "$CI_NODE_TOTAL\"\n", "$CI_NODE_TOTAL\"\n    - if [ \"$CI_NODE_INDEX\" = 2 ]; then rm -r reports; exit 9; fi\n", "lost  p2  line 2: no report\n", 1},
		{"the schema", "exit_codes: [3, 4]", "exit_codes: three", "exit_codes", 1},
	} {
		dir := t.TempDir()
		smallFleet(t, dir, 3)
		if err := os.Remove(filepath.Join(dir, "stages.txt")); err != nil {
			t.Fatal(err)
		}
		writeFiles(t, dir, map[string]string{".gitlab-ci.yml": strings.Replace(text, test.old, test.text, 1)})
		for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"remote", "add", "origin", "https://gitlab.example.org/team/fleet.git"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "fleet"}} {
			runTool(t, "git", append([]string{"-C", dir}, args...)...)
		}
		// Each job has a directory of its own, as on a runner: all of them write the list.
		cmd := exec.CommandContext(t.Context(), filepath.Join(tools, "node_modules/.bin/gitlab-ci-local"), "--force-shell-executor", "--shell-isolation")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "PATH="+tools+":"+os.Getenv("PATH"), "TODAY="+exampleNight)
		out, err := cmd.CombinedOutput()
		if (err == nil) != (test.code == 0) || !strings.Contains(string(out), test.log) {
			t.Errorf("%s: %v\n%s", test.name, err, out)
		}
	}
}
