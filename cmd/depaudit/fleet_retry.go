package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// Workers are tried again by the exit code of fleet run, and each try has a price: those
// of an Indexed Job wait for minutes, and a part with one line that ends in the same way
// every time is a failed index in the end. So 3 is for what another try may change, which
// is less than what is incomplete: a stage without a baseline is as incomplete next time.

// settledGaps are kinds of gaps that follow from the content of an environment, or from the
// configuration and the rights of the worker. All others can be of a registry, a disk or a
// lack of memory at the time of the scan.
var settledGaps = []sbom.GapKind{
	sbom.GapPermission, sbom.GapMount, sbom.GapMalformed, sbom.GapUnreported, sbom.GapSystem, sbom.GapLimit, audit.GapDefinition,
}

// mayChange reports whether another try of the same line may end otherwise. A report can
// do so whose verdict is a fail: another of its stages was lost.
func mayChange(r *audit.Report) bool {
	return slices.ContainsFunc(r.Stages, func(s audit.Stage) bool {
		return slices.ContainsFunc(s.Gaps, func(g audit.Gap) bool {
			return g.Waived == nil && !slices.Contains(settledGaps, g.Kind)
		})
	})
}

// settledBy returns why a report is incomplete that another try does not change: the
// rules, and what could not be examined.
func settledBy(r *audit.Report) string {
	var reasons []string
	for i := range r.Stages {
		s := &r.Stages[i]
		for _, rule := range decisive(s.Findings) {
			if rule == audit.RuleGaps.ID {
				rule += " (" + strings.Join(gapKinds(s.Gaps), ", ") + ")"
			}
			if !slices.Contains(reasons, rule) {
				reasons = append(reasons, rule)
			}
		}
	}
	for _, rule := range decisive(r.Findings) {
		if !slices.Contains(reasons, rule) {
			reasons = append(reasons, rule)
		}
	}
	return strings.Join(reasons, ", ")
}

// gapKinds are the kinds of the gaps that no exception waives, in the order of the report.
func gapKinds(gaps []audit.Gap) []string {
	var kinds []string
	for _, g := range gaps {
		if g.Waived == nil && !slices.Contains(kinds, string(g.Kind)) {
			kinds = append(kinds, string(g.Kind))
		}
	}
	return kinds
}

// settled returns why another try of a line without a report ends without one too, empty
// if it may not: the line or its configuration has a mistake, or something is in the place
// of the report.
func (l fleetLine) settled(ctx context.Context, dir string) string {
	path := l.report(dir)
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return "remove " + path + ": it is not a regular file, and is not replaced"
	}
	which := pipelineFlags{config: l.config, stages: l.stages}
	j, err := which.load(ctx)
	if err != nil {
		return plainText(err)
	}
	j.close()
	return ""
}

// lineCode is the exit code of a line with a report.
func lineCode(r *audit.Report) int {
	switch {
	case mayChange(r):
		return exitIncomplete
	case r.Verdict == audit.Pass:
		return exitPass
	}
	return exitFail
}

// moved reports whether the tag of an image that a report is of leads to another image
// now: a directory of reports that is used a second night would otherwise show what was
// there in the first. That costs some requests for each stage, and no layer. The report
// states no digest for a base, which is not looked at. The error is why a registry cannot
// say it.
func moved(ctx context.Context, file string, r *audit.Report) (bool, error) {
	cfg, err := config.Load(file)
	if err != nil {
		return true, err
	}
	var unknown error
	for i := range r.Stages {
		s := &r.Stages[i]
		c := cfg.Stage(s.Name)
		if c == nil || s.Environment != c.Environment {
			return true, nil // the report was edited: its configuration has the same digest
		}
		ref, err := rootfs.ParseRefIn(filepath.Dir(file), c.Environment)
		if err != nil {
			return true, err
		}
		if !ref.IsImage() || audit.ContentDigest(c.Environment) != "" {
			continue
		}
		switch now, err := rootfs.ImageDigest(ctx, ref, c.Platform); {
		case err != nil:
			unknown = cmp.Or(unknown, err)
		case now != s.Image.Digest:
			return true, nil
		}
	}
	return false, unknown
}
