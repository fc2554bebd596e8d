package pipeline

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/depaudit/depaudit/audit/judge"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// claimBases gives the stages whose configuration names no base the base that
// their image's annotations name. A base that is neither in the same layout nor
// in the same registry is not searched for elsewhere, since the user named no
// other place: the report then states that the claim could not be checked.
func claimBases(ctx context.Context, stages []stageScan, o Options) error {
	var bases []Environment
	var based []*judge.Input
	for i := range stages {
		in, env := &stages[i].input, stages[i].env
		if in.Base != nil || in.Document == nil {
			continue
		}
		image := in.Document.Environment.Image
		if image.BaseName == "" {
			// buildah writes a digest alone, and that of another step.
			continue
		}
		ref, ok := claimedBase(env.Ref, image)
		if !ok {
			in.Base = &judge.Base{Ref: claimedRef(image), Lost: errElsewhere, Claimed: true}
			continue
		}
		written := asWritten(ref, env)
		bases = append(bases, Environment{Name: env.Name, Raw: written.String(), written: written, Ref: ref, Platform: env.Platform})
		based = append(based, in)
	}
	if len(bases) == 0 {
		return nil
	}
	found, err := Inventories(ctx, bases, o)
	if err != nil {
		return err
	}
	for i, inv := range found {
		based[i].Base = &judge.Base{Ref: bases[i].Raw, Document: inv.Document, Lost: inv.Lost, Claimed: true}
	}
	return nil
}

var errElsewhere = errors.New("it was not searched for, because it is neither in the same layout nor in the same registry")

// claimedRef is the reference of a base that was not searched for.
func claimedRef(image sbom.Image) string {
	ref, _, _ := strings.Cut(rootfs.SchemeRegistry+":"+image.BaseName, "@")
	if image.BaseDigest != "" {
		ref += "@" + image.BaseDigest
	}
	return ref
}

// claimedBase returns the place of the base that an image names: beside the
// image.
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

// asWritten replaces the path of a reference into the layout of an environment
// by the path that the user wrote for that layout.
func asWritten(ref rootfs.Ref, e Environment) rootfs.Ref {
	if ref.HasPath() {
		ref.Path = e.written.Path
	}
	return ref
}
