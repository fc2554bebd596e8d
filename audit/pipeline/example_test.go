package pipeline_test

import (
	"context"
	"fmt"
	"log"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/pipeline"
)

// The whole audit: CPython's release pipeline of 2024. No lock file pins 18
// packages of the docs stage, which is a warning there because the stage is not
// critical.
func ExampleAudit() {
	cfg, err := config.Load("../../testdata/cpython/example/depaudit.yaml")
	if err != nil {
		log.Fatal(err)
	}
	accepted, err := baseline.Load(cfg.BaselinePath())
	if err != nil {
		log.Fatal(err)
	}
	report, err := pipeline.Audit(context.Background(), cfg, pipeline.Options{
		Baseline: accepted,
		Today:    "2024-05-02",
		Tool:     audit.Tool{Name: "example"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range report.Stages {
		fmt.Printf("%s: %s, %d dependencies, %d unaccounted\n", s.Name, s.Verdict, s.Counts.Total, s.Counts.Unaccounted)
	}
	fmt.Println("verdict:", report.Verdict, "- exit code", report.ExitCode())
	// Output:
	// build-source: pass, 159 dependencies, 0 unaccounted
	// build-docs: pass, 678 dependencies, 18 unaccounted
	// test-source: pass, 265 dependencies, 0 unaccounted
	// verdict: pass - exit code 0
}

// One environment, without a configuration.
func ExampleScan() {
	stage := config.Stage{
		Name:        "build",
		Environment: "dir:../../testdata/cpython/example/build-source",
		LockFiles:   []config.LockFile{{Path: "../../testdata/cpython/example/requirements.txt"}},
	}
	report, err := pipeline.Scan(context.Background(), stage, pipeline.Options{})
	if err != nil {
		log.Fatal(err)
	}
	c := report.Stages[0].Counts
	fmt.Printf("%d dependencies: %d from the OS, %d locked, %d unaccounted\n", c.Total, c.OS, c.Lock, c.Unaccounted)
	// Output:
	// 159 dependencies: 118 from the OS, 41 locked, 0 unaccounted
}
