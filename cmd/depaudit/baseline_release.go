package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/baseline"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/wording"
)

// isRelease reports whether --baseline is a release, in a registry or in a directory,
// and not a file.
func isRelease(arg string) bool {
	if _, ok := pushedRef(arg, false); ok {
		return true
	}
	if arg == "" {
		return false // no flag, and not the working directory
	}
	_, ok := savedRelease(filepath.Clean(arg))
	return ok
}

// checkKey checks --baseline-key beside --baseline.
func (p *pipelineFlags) checkKey() error {
	switch _, pushed := pushedRef(p.baseline, false); {
	case p.baselineKey != "" && !isRelease(p.baseline):
		return &hinted{errors.New("--baseline-key is for a release as the baseline, since a file has no signature"), "write --baseline " + schemeRelease + ":IMAGE, or the directory of a release"}
	case isRelease(p.baseline) && !pushed && p.baselineKey == "" && (p.policyFrom != "" || p.policyDir != ""):
		// The branch that is judged could have it.
		return &hinted{fmt.Errorf("--baseline %s: the directory is not a file of the policy", p.baseline), "name the key that must have signed the release: --baseline-key FILE"}
	}
	return nil
}

// acceptedIn returns the stages of a release, in "release:REF" or a directory, as an
// accepted state, without those that could not be examined then. With the file of a key
// the release must hold by it, for the image that it is attached to.
//
// A stage of another pipeline is another stage, whatever its name. One that failed is
// accepted with what it failed for, as by any baseline that is made of it; since it is
// not reviewed as a file in the repository is, it is printed.
func (c *command) acceptedIn(ctx context.Context, arg, keyFile, pipeline string) (*baseline.Baseline, error) {
	r, date, err := c.releasedReport(ctx, arg, keyFile)
	if err != nil {
		return nil, err
	}
	if r.Pipeline != pipeline {
		return nil, usage(&hinted{fmt.Errorf("--baseline %s: the release is of the pipeline %q, and the configuration is of %q", arg, r.Pipeline, pipeline), "name a release of this pipeline, by its digest"})
	}
	var out *baseline.Baseline
	for _, stage := range r.Stages {
		next, err := out.With(stage, "released on "+date.Format(time.DateOnly))
		if err != nil {
			c.warn("%s: %v", arg, err)
			continue
		}
		out = next
		if stage.Verdict == audit.Fail {
			c.warn("%s: the stage %q failed in this release (%s), and what it had then is accepted now", arg, stage.Name, strings.Join(decisive(stage.Findings), ", "))
		}
	}
	return out, nil
}

// releasedReport reads the report of a release and its date. Without a key it is
// believed, which is printed.
func (c *command) releasedReport(ctx context.Context, arg, keyFile string) (*audit.Report, time.Time, error) {
	if keyFile != "" {
		return c.verifiedReport(ctx, arg, keyFile)
	}
	c.warn("--baseline %s: its signature is not checked: who can write it decides what is accepted; name the key that signs releases with --baseline-key FILE", arg)
	if _, ok := pushedRef(arg, false); ok {
		r, m, err := c.readPushed(ctx, arg)
		if err != nil {
			return nil, time.Time{}, err
		}
		return r, m.Date, nil
	}
	s, _ := savedRelease(filepath.Clean(arg))
	r, err := s.need(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	return r, s.release.Date, nil
}

// verifiedReport is releasedReport for a release that the key must have signed. What
// does not hold is a mistake of the command line: nothing is judged by it.
func (c *command) verifiedReport(ctx context.Context, arg, keyFile string) (*audit.Report, time.Time, error) {
	bad := func(err error) (*audit.Report, time.Time, error) {
		return nil, time.Time{}, usage(&hinted{fmt.Errorf("--baseline %s: %w", arg, err), "run: depaudit release verify " + wording.ShellWord(arg) + " --key " + wording.ShellWord(keyFile)})
	}
	key, err := readPublicKey("--baseline-key", keyFile)
	if err != nil {
		return nil, time.Time{}, err
	}
	files, pushed, err := c.releaseFiles(ctx, arg)
	if _, ok := errors.AsType[bundle.Problems](err); ok {
		return bad(err)
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	res := bundle.Verify(ctx, files, tool().Version, key, nil)
	switch {
	case ctx.Err() != nil:
		return nil, time.Time{}, ctx.Err()
	case len(res.Problems) > 0:
		return bad(fmt.Errorf("the release does not hold by the key: %w", res.Problems))
	case res.Report == nil:
		return bad(fmt.Errorf("the release is of depaudit %s, in a format that this version does not read", wording.Quote(res.Other)))
	case pushed != nil && pushed.Subject != "" && !names(pushed.images, res.Manifest.Subjects, res.Report):
		return bad(errors.New("the release does not name the image that it is attached to: it can be that of another one"))
	}
	fmt.Fprintf(c.stderr, "depaudit: the baseline is the release of %s, signed by the key %s\n", dateText(res.Manifest.Date), res.KeyID)
	return res.Report, res.Manifest.Date, nil
}

// releaseFiles reads the files of a release, in a registry or a directory. pushed is nil
// for a directory.
func (c *command) releaseFiles(ctx context.Context, arg string) (map[string][]byte, *pushedRelease, error) {
	ref, ok := pushedRef(arg, true)
	if !ok {
		files, err := readDir(arg)
		return files, nil, err
	}
	pushed, err := c.pulled(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	return pushed.files, pushed, nil
}

// readPublicKey reads the key of a flag, by which signatures are checked.
func readPublicKey(flag, path string) (*bundle.Key, error) {
	data, err := os.ReadFile(path)
	var key *bundle.Key
	if err == nil {
		key, err = bundle.ParsePublicKey(data)
	}
	if err != nil {
		return nil, usage(fmt.Errorf("%s %s: %w", flag, terminal.Escape(path), reasonOf(err)))
	}
	return key, nil
}
