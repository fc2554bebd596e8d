package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Reports of single jobs.
//
// A pipeline whose jobs save a report each leaves several for one release: in one
// directory (v1.0/build.json, v1.0/test.json) or in one for each job
// (v1.0/depaudit-build/report.json). They are one release if they are in one directory,
// each lacks a stage of its configuration, no two have the same stage, and all were
// judged by equal files and by the same depaudit. Reports of two releases seldom are,
// and never if the directory has two of one stage; then they stay what they are.

// jobReport is what tells to which run a report belongs.
type jobReport struct {
	Pipeline string        `json:"pipeline"`
	Rules    int           `json:"rules"`
	Tool     audit.Tool    `json:"tool"`
	Inputs   *audit.Inputs `json:"inputs"`
	Stages   []struct {
		Name string `json:"name"`
	} `json:"stages"`
}

// partial reports whether a stage of the configuration is in no stage of the report.
func (j *jobReport) partial() bool {
	return j.Inputs != nil && slices.ContainsFunc(j.Inputs.StageNames(), func(name string) bool { return !slices.Contains(j.names(), name) })
}

func (j *jobReport) names() []string {
	var out []string
	for _, s := range j.Stages {
		out = append(out, s.Name)
	}
	return out
}

// sameRun reports whether two reports were judged by the same.
func (j *jobReport) sameRun(o *jobReport) bool {
	a, errA := json.Marshal(j.Inputs)
	b, errB := json.Marshal(o.Inputs)
	return errA == nil && errB == nil && bytes.Equal(a, b) && j.Pipeline == o.Pipeline && j.Rules == o.Rules && j.Tool == o.Tool
}

// jobs returns the reports of a list with those of single jobs as one for each release.
func (c *command) jobs(ctx context.Context, list []ofHistory) ([]ofHistory, error) {
	dirs, groups := jobDirs(list), make(map[string][]int)
	for i, dir := range dirs {
		if dir != "" {
			groups[dir] = append(groups[dir], i)
		}
	}
	var out []ofHistory
	joined := make(map[int]bool)
	for i := range list {
		if joined[i] {
			continue
		}
		dir := dirs[i]
		group := groups[dir]
		delete(groups, dir) // it is looked at once
		if len(group) < 2 || len(group) > maxReports {
			out = append(out, list[i])
			continue
		}
		members, err := c.oneRun(ctx, dir, list, group)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(members, i) {
			out = append(out, list[i])
		}
		if len(members) > 0 {
			out = append(out, joinedJobs(dir, list, members))
		}
		for _, m := range members {
			joined[m] = true
		}
	}
	return out, nil
}

// jobDirs returns the directory of the run of each report: the one that it is in, or
// that above, if nothing else is in it or in directories below; "" for what is a
// release, or in no directory. Reports that are merged are read twice, so that one in a
// pipe stays alone.
func jobDirs(list []ofHistory) []string {
	in, below := make(map[string]int), make(map[string]bool)
	dirs := make([]string, len(list))
	for i, r := range list {
		if r.release == nil && r.ref == "" && !r.once {
			dirs[i] = path.Dir(r.place)
			in[dirs[i]]++
			below[path.Dir(dirs[i])] = true
		}
	}
	for i, dir := range dirs {
		if dir != "" && in[dir] == 1 && !below[dir] && dir != "." && dir != "/" && path.Base(dir) != ".." {
			dirs[i] = path.Dir(dir)
		}
	}
	return dirs
}

// oneRun returns which reports of a directory are of the jobs of one run, none if there
// are no such. It prints why the reports of jobs are not one.
func (c *command) oneRun(ctx context.Context, dir string, list []ofHistory, group []int) ([]int, error) {
	var members []int
	var heads []*jobReport
	whole := false
	for _, i := range group {
		data, err := list[i].content(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var head jobReport
		if err != nil || json.Unmarshal(data, &head) != nil {
			continue // it is named where it is read
		}
		if !head.partial() {
			whole = true
			continue
		}
		members, heads = append(members, i), append(heads, &head)
	}
	if len(members) < 2 {
		return nil, nil
	}
	one, complement := !whole, false
	for i, a := range heads {
		for _, b := range heads[:i] {
			one = one && a.sameRun(b)
			for _, name := range a.names() {
				if slices.Contains(b.names(), name) {
					one = false
				} else {
					complement = true
				}
			}
		}
	}
	if one {
		return members, nil
	}
	if complement || whole {
		fmt.Fprintf(c.stderr, "depaudit: %s: %d reports of single jobs are not merged, since it is not known which are of one release: have a directory for each release\n",
			terminal.Escape(filepath.FromSlash(dir)), len(members))
	}
	return nil, nil
}

// joinedJobs is the release of the reports of its jobs, with the verdict that depaudit
// report would give them.
func joinedJobs(dir string, list []ofHistory, members []int) ofHistory {
	name := filepath.FromSlash(dir)
	r := ofHistory{saved: saved{name: name, place: dir + "/report.json"}}
	if base := path.Base(dir); base == "." || base == ".." {
		if abs, err := filepath.Abs(name); err == nil {
			r.place = filepath.ToSlash(abs) + "/report.json"
		}
	}
	for _, i := range members {
		r.parts = append(r.parts, list[i].saved)
	}
	return r
}

// report reads the report of a release, or merges those of its jobs.
func (r *ofHistory) report(ctx context.Context) (*audit.Report, error) {
	if len(r.parts) == 0 {
		return r.read(ctx)
	}
	var parts []audit.Part
	for i := range r.parts {
		report, err := r.parts[i].read(ctx)
		if err != nil {
			return nil, err
		}
		parts = append(parts, audit.Part{Name: r.parts[i].name, Report: report})
	}
	merged, err := audit.Merge(parts)
	if err != nil {
		return nil, err
	}
	return merged.Require(merged.Inputs.StageNames())
}

// printJoined prints which releases are several reports.
func (c *command) printJoined(list []ofHistory) {
	var names []string
	reports := 0
	for _, r := range list {
		if n := len(r.parts); n > 0 {
			names, reports = append(names, r.label), reports+n
		}
	}
	if len(names) > 0 {
		fmt.Fprintf(c.stderr, "depaudit: %s of single jobs merged, one release for each directory: %s\n", wording.Count(reports, "report", "reports"), terminal.Enumerate(names, othersWidth))
	}
}
