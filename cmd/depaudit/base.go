package main

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/judge"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// A base is what a stage started from. It is an environment like any other,
// and is scanned with the rest; what package audit makes of it is there.

// baseOf reads the base that a stage's configuration names; false without
// one. A snapshot of the stage's own environment also spares its scan the
// files that have not changed since.
func baseOf(stage config.Stage, e *environment, dir string) (environment, bool, error) {
	if stage.Base == "" {
		return environment{}, false, nil
	}
	base, err := parseEnvironment(stage.Name, stage.Base, dir)
	if err != nil {
		return environment{}, false, err
	}
	base.platform = stage.Platform
	if base.ref.Scheme == rootfs.SchemeSnapshot && (e.ref.Scheme == rootfs.SchemeHost || e.ref.Scheme == rootfs.SchemeDir) {
		e.since = base.ref.Path
	}
	return base, true, nil
}

// claimBases gives the stages whose configuration names no base the one that
// their image names by itself. One that is not at hand (in the same layout, or
// in the same registry) is not looked for elsewhere, since nobody named that
// place: the report then says that the claim could not be checked.
func (c *command) claimBases(ctx context.Context, inputs []judge.Input, envs []environment, limits limitFlags) error {
	var bases []environment
	var based []int
	for i, in := range inputs {
		if in.Base != nil || in.Document == nil {
			continue
		}
		image := in.Document.Environment.Image
		if image.BaseName == "" {
			// buildah writes a digest alone, and that of another step.
			continue
		}
		if ref, ok := claimedBase(envs[i].ref, image); ok {
			written := asWritten(ref, envs[i])
			bases = append(bases, environment{name: envs[i].name, raw: written.String(), written: written, ref: ref, platform: envs[i].platform})
			based = append(based, i)
		} else {
			ref, _, _ := strings.Cut(rootfs.SchemeRegistry+":"+image.BaseName, "@")
			if image.BaseDigest != "" {
				ref += "@" + image.BaseDigest
			}
			inputs[i].Base = &judge.Base{Ref: ref, Lost: errElsewhere, Claimed: true}
		}
	}
	if len(bases) == 0 {
		return nil
	}
	outcomes, err := c.scanAll(ctx, bases, limits)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		inputs[based[i]].Base = &judge.Base{Ref: bases[i].raw, Document: o.doc, Lost: o.err, Claimed: true}
	}
	return nil
}

var errElsewhere = errors.New("it was not looked for, because it is neither in the same layout nor in the same registry")

// claimedBase is where the base that an image names would be: beside it.
func claimedBase(ref rootfs.Ref, image sbom.Image) (rootfs.Ref, bool) {
	if !strings.HasPrefix(image.BaseDigest, "sha256:") || image.BaseDigest == image.Digest {
		return rootfs.Ref{}, false
	}
	switch ref.Scheme {
	case rootfs.SchemeOCIDir, rootfs.SchemeOCIArchive:
		return rootfs.Ref{Scheme: ref.Scheme, Path: ref.Path, Tag: image.BaseDigest}, true
	case rootfs.SchemeRegistry:
		host, _, ok := strings.Cut(ref.Path, "/")
		name, _, _ := strings.Cut(image.BaseName, "@")
		if dir, last := path.Split(name); strings.Contains(last, ":") {
			last, _, _ = strings.Cut(last, ":")
			name = dir + last
		}
		if ok && strings.HasPrefix(name, host+"/") {
			return rootfs.Ref{Scheme: ref.Scheme, Path: name + "@" + image.BaseDigest}, true
		}
	}
	return rootfs.Ref{}, false
}

// asWritten gives a reference into the layout of an environment the path that
// the user wrote for that.
func asWritten(ref rootfs.Ref, e environment) rootfs.Ref {
	if ref.HasPath() {
		ref.Path = e.written.Path
	}
	return ref
}
