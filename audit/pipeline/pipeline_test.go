package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/scan"
)

const today = "2024-05-02"

// project writes a configuration with stages on the directories of their names.
func project(t *testing.T, yaml string, dirs ...string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for _, d := range dirs {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "depaudit.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

const twoStages = "pipeline: p\nstages:\n  - name: build\n    environment: dir:a\n  - name: docs\n    environment: dir:b\n"

// recorder is a Scanner that returns an empty document and records requests.
type recorder struct {
	mu       sync.Mutex
	requests []Request
	err      map[string]error // by the last element of the path
}

func (r *recorder) scan(_ context.Context, request Request, progress func(scan.Progress)) (*Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, request)
	progress(scan.Progress{Phase: "walking files"})
	if err := r.err[filepath.Base(request.Ref.Path)]; err != nil {
		return nil, err
	}
	doc, err := sbom.New(sbom.Document{Environment: sbom.Environment{Ref: request.Ref.String(), Kind: request.Ref.Scheme}})
	return &Result{Document: doc}, err
}

// TestAuditScansEachEnvironmentOnce checks that stages on one environment share
// a scan, and that the report shows each reference as it was written.
func TestAuditScansEachEnvironmentOnce(t *testing.T) {
	cfg := project(t, "pipeline: p\nstages:\n  - name: build\n    environment: dir:a\n  - name: docs\n    environment: dir:./a\n  - name: other\n    environment: dir:b\n", "a", "b")
	r := &recorder{}
	report, err := Audit(t.Context(), cfg, Options{Scanner: r.scan, Today: today})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.requests) != 2 {
		t.Errorf("%d scans, want 2", len(r.requests))
	}
	var refs []string
	for _, s := range report.Stages {
		refs = append(refs, s.Environment)
	}
	if diff := cmp.Diff([]string{"dir:a", "dir:./a", "dir:b"}, refs); diff != "" {
		t.Error(diff)
	}
}

// TestAuditWithoutProof checks that a critical stage whose files were not verified
// is no pass, unless its configuration wants that.
func TestAuditWithoutProof(t *testing.T) {
	for more, gaps := range map[string]int{"": 1, ", verify: true": 1, ", verify: false": 0} {
		cfg := project(t, "pipeline: p\nstages: [{name: build, environment: \"dir:a\", critical: true"+more+"}]\n", "a")
		report, err := Audit(t.Context(), cfg, Options{Scanner: (&recorder{}).scan, Today: today})
		if err != nil {
			t.Fatal(err)
		}
		if s := report.Stages[0]; len(s.Gaps) != gaps || gaps > 0 && report.Verdict == audit.Pass {
			t.Errorf("critical%s: %s, gaps %v", more, report.Verdict, s.Gaps)
		}
	}
}

// TestAuditLostScan checks that a lost scan is a gap of its stage alone, and
// that a RunError ends the audit.
func TestAuditLostScan(t *testing.T) {
	cfg := project(t, twoStages, "a", "b")
	r := &recorder{err: map[string]error{"a": errors.New("out of memory")}}
	report, err := Audit(t.Context(), cfg, Options{Scanner: r.scan, Today: today})
	if err != nil {
		t.Fatal(err)
	}
	build, docs := report.Stages[0], report.Stages[1]
	if len(build.Gaps) == 0 || !strings.Contains(fmt.Sprint(build.Gaps), "dir:a: out of memory") {
		t.Errorf("gaps of the lost stage: %v", build.Gaps)
	}
	if strings.Contains(fmt.Sprint(docs.Gaps), "out of memory") {
		t.Errorf("gaps of the other stage: %v", docs.Gaps)
	}
	if report.ExitCode() != 3 {
		t.Errorf("exit code %d, want 3", report.ExitCode())
	}
	r.err["a"] = &RunError{errors.New("no process")}
	var run *RunError
	if _, err := Audit(t.Context(), cfg, Options{Scanner: r.scan, Today: today}); !errors.As(err, &run) {
		t.Errorf("a RunError of the scanner: %v", err)
	}
}

// TestAuditDeadline checks that a scan over its time is a gap, and that a
// canceled audit has no report.
func TestAuditDeadline(t *testing.T) {
	cfg := project(t, twoStages, "a", "b")
	slow := func(ctx context.Context, _ Request, _ func(scan.Progress)) (*Result, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	report, err := Audit(t.Context(), cfg, Options{Scanner: slow, Today: today, Timeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(report.Stages[0].Gaps); !strings.Contains(text, "did not finish within 1ms") {
		t.Errorf("gaps: %s", text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Audit(ctx, cfg, Options{Scanner: slow, Today: today}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestAuditInputErrors checks that mistakes are found before the first scan,
// and that each has a message.
func TestAuditInputErrors(t *testing.T) {
	cfg := project(t, twoStages, "a", "b")
	missing := project(t, twoStages, "a")
	snapshot := filepath.Join(filepath.Dir(cfg.File), "before.json")
	if err := os.WriteFile(snapshot, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		config *config.Config
		o      Options
		want   string
	}{
		{"no day", cfg, Options{}, "not YYYY-MM-DD"},
		{"no directory", missing, Options{Today: today}, "directory does not exist: " + filepath.Join(filepath.Dir(missing.File), "b") + " (build the stage first, or check the path)"},
		{"no stage", cfg, Options{Today: today, Stages: []string{"x"}}, `has no stage "x"`},
		{"no stage for an environment", cfg, Options{Today: today, Environments: map[string]string{"x": "host:"}}, `has no stage "x"`},
		{"no stage for a snapshot", cfg, Options{Today: today, Since: []Since{{"x", snapshot}}}, `has no stage "x"`},
		{"no stage on host", cfg, Options{Today: today, Since: []Since{{"", snapshot}}}, `no stage has the environment "host:"`},
		{"two snapshots", cfg, Options{Today: today, Since: []Since{{"build", snapshot}, {"build", snapshot}}}, "already has the base snapshot:"},
		{"snapshot as environment", cfg, Options{Today: today, Environments: map[string]string{"build": "snapshot:" + snapshot}}, "a snapshot can only be used as a base"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &recorder{}
			tt.o.Scanner = r.scan
			_, err := Audit(t.Context(), tt.config, tt.o)
			var input *InputError
			if !errors.As(err, &input) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if len(r.requests) != 0 {
				t.Errorf("%d scans before the error", len(r.requests))
			}
		})
	}
}

// TestAuditSince checks that a snapshot is the base of its stage and goes with
// the scan, and that the caller's configuration is not changed.
func TestAuditSince(t *testing.T) {
	cfg := project(t, twoStages, "a", "b")
	file := filepath.Join(t.TempDir(), "before.json")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	o := Options{Scanner: r.scan, Today: today, Stages: []string{"build"}, Since: []Since{{"build", file}}}
	if _, err := Audit(t.Context(), cfg, o); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, request := range r.requests {
		got = append(got, fmt.Sprintf("%s since %q", request.Ref.Scheme, request.Since))
	}
	if len(got) != 2 || !strings.Contains(strings.Join(got, "\n"), fmt.Sprintf("dir since %q", file)) {
		t.Errorf("scans: %q", got)
	}
	if cfg.Stages[0].Base != "" {
		t.Errorf("the configuration now has the base %q", cfg.Stages[0].Base)
	}
}

// TestScanLost checks that [Scan] returns the reason for a missing result.
func TestScanLost(t *testing.T) {
	r := &recorder{err: map[string]error{"a": errors.New("out of memory")}}
	dir := filepath.Join(t.TempDir(), "a")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Scan(t.Context(), config.Stage{Name: "x", Environment: dir}, Options{Scanner: r.scan})
	var lost *LostError
	if !errors.As(err, &lost) || err.Error() != dir+": out of memory" {
		t.Errorf("%v", err)
	}
}

func TestQuestionPaths(t *testing.T) {
	if got := commandPaths("make"); len(got) != len(scan.SearchPath()) || got[0] != "/usr/local/sbin/make" {
		t.Errorf("%q", got)
	}
	for _, word := range []string{"", ".", "..", "a/b", "/bin/x", "name@1", "a\x00b"} {
		if got := commandPaths(word); got != nil {
			t.Errorf("%q: %q", word, got)
		}
	}
	got := QuestionPaths([]string{"/usr/bin/xz", "xz", "/a\x00b"}, []string{"/bin/y"})
	if diff := cmp.Diff([]string{"/usr/bin/xz", "/bin/y"}, got); diff != "" {
		t.Error(diff)
	}
}
