package main

import (
	"context"
	"errors"
	"fmt"
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

// releasedBaseline is a release as the baseline.
type releasedBaseline struct {
	arg string // "release:REF" or a directory
	// keyFile is the file of the key that must have signed it, as it was given, empty for
	// none, and keyPlace where it is read.
	keyFile, keyPlace string
}

// acceptedIn returns the stages of a release as an accepted state, without those that
// could not be examined then, and what the report states about the release. With a key
// the release must hold by it, for the image that it is attached to.
//
// A stage of another pipeline is another stage, whatever its name. One that failed is
// accepted with what it failed for, as by any baseline that is made of it; since it is
// not reviewed as a file in the repository is, it is printed.
func (c *command) acceptedIn(ctx context.Context, of releasedBaseline, pipeline string) (*baseline.Baseline, *audit.ReleaseInput, error) {
	r, input, err := c.releasedReport(ctx, of)
	if err != nil {
		return nil, nil, err
	}
	if r.Pipeline != pipeline {
		return nil, nil, usage(&hinted{fmt.Errorf("--baseline %s: the release is of the pipeline %q, and the configuration is of %q", of.arg, r.Pipeline, pipeline), "name a release of this pipeline, by its digest"})
	}
	var out *baseline.Baseline
	for _, stage := range r.Stages {
		next, err := out.With(stage, "released on "+input.Day())
		if err != nil {
			c.warn("%s: %v", of.arg, err)
			continue
		}
		out = next
		if stage.Verdict == audit.Fail {
			c.warn("%s: the stage %q failed in this release (%s), and what it had then is accepted now", of.arg, stage.Name, strings.Join(decisive(stage.Findings), ", "))
		}
	}
	return out, input, nil
}

// releasedReport reads the report of a release. Without a key it is believed, which is
// printed.
func (c *command) releasedReport(ctx context.Context, of releasedBaseline) (*audit.Report, *audit.ReleaseInput, error) {
	if of.keyFile != "" {
		return c.verifiedReport(ctx, of)
	}
	c.warn("--baseline %s: its signature is not checked: who can write it decides what is accepted; name the key that signs releases with --baseline-key FILE", of.arg)
	if _, ok := pushedRef(of.arg, false); ok {
		r, m, digest, err := c.readPushed(ctx, of.arg)
		if err != nil {
			return nil, nil, err
		}
		return r, releaseInput(m.Date, digest, ""), nil
	}
	s, _ := savedRelease(filepath.Clean(of.arg))
	r, err := s.need(ctx)
	if err != nil {
		return nil, nil, err
	}
	return r, releaseInput(s.release.Date, "", ""), nil
}

func releaseInput(date time.Time, digest, key string) *audit.ReleaseInput {
	return &audit.ReleaseInput{Date: date.UTC().Format("2006-01-02T15:04:05Z"), Digest: digest, Key: key}
}

// verifiedReport is releasedReport for a release that the key must have signed. What
// does not hold is a mistake of the command line: nothing is judged by it.
func (c *command) verifiedReport(ctx context.Context, of releasedBaseline) (*audit.Report, *audit.ReleaseInput, error) {
	bad := func(err error) (*audit.Report, *audit.ReleaseInput, error) {
		return nil, nil, usage(&hinted{fmt.Errorf("--baseline %s: %w", of.arg, err), "run: depaudit release verify " + wording.ShellWord(of.arg) + " --key " + wording.ShellWord(of.keyFile)})
	}
	key, err := readPublicKeyAt("--baseline-key", of.keyFile, of.keyPlace)
	if err != nil {
		return nil, nil, err
	}
	files, pushed, err := c.releaseFiles(ctx, of.arg)
	if _, ok := errors.AsType[bundle.Problems](err); ok {
		return bad(err)
	}
	if err != nil {
		return nil, nil, err
	}
	res := bundle.Verify(ctx, files, tool().Version, key, nil)
	digest := ""
	if pushed != nil {
		digest = pushed.Digest
	}
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case len(res.Problems) > 0:
		return bad(fmt.Errorf("the release does not hold by the key: %w", res.Problems))
	case res.Report == nil:
		return bad(fmt.Errorf("the release is of depaudit %s, in a format that this version does not read", wording.Quote(res.Other)))
	case pushed != nil && pushed.Subject != "" && !names(pushed.images, res.Manifest.Subjects, res.Report):
		return bad(errors.New("the release does not name the image that it is attached to: it can be that of another one"))
	}
	fmt.Fprintf(c.stderr, "depaudit: the baseline is the release of %s, signed by the key %s\n", dateText(res.Manifest.Date), res.KeyID)
	return res.Report, releaseInput(res.Manifest.Date, digest, res.KeyID), nil
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
	return readPublicKeyAt(flag, path, path)
}

// readPublicKeyAt is readPublicKey for a file that is read at another place.
func readPublicKeyAt(flag, path, place string) (*bundle.Key, error) {
	data, err := readKeyFile(flag, path, place, "name the public key of those who sign the releases")
	if err != nil {
		return nil, usage(err)
	}
	key, err := bundle.ParsePublicKey(data)
	if err != nil {
		return nil, usage(fmt.Errorf("%s %s: %w", flag, terminal.Escape(path), reasonOf(err)))
	}
	return key, nil
}
