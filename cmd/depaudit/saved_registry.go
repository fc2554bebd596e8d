package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/attach"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/registry"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// schemeRelease is the scheme of one release in a registry, where a saved report is
// read. Beside it "registry:" is an image to be scanned; where only reports are read,
// it is all releases that are there.
const schemeRelease = "release"

// pushedRef returns the name after "release:", or after "registry:" if all is set.
// "release" alone is a directory.
func pushedRef(arg string, all bool) (ref string, ok bool) {
	scheme, ref, ok := strings.Cut(arg, ":")
	return ref, ok && (scheme == schemeRelease || all && scheme == rootfs.SchemeRegistry)
}

// pushedStage splits "release:REF#STAGE".
func pushedStage(arg string) (name, stage string, ok bool) {
	name, stage, _ = strings.Cut(arg, "#")
	_, ok = pushedRef(name, false)
	return name, stage, ok
}

// openReleases connects to the registry of a name.
func openReleases(ctx context.Context, ref string, access registry.Access) (*attach.Repository, error) {
	r, err := attach.Open(ctx, ref, access)
	if err == nil {
		return r, nil
	}
	if _, answered := errors.AsType[*registry.Error](err); !answered && ctx.Err() == nil {
		return nil, usage(err) // the name, or the file with the credentials
	}
	return nil, ofRegistry(ref, err)
}

// ofRegistry gives an error of a registry its exit code: the name of something that
// is not there is a mistake of the command line.
func ofRegistry(ref string, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case registry.NotFound(err) && strings.Contains(err.Error(), ref):
		return usage(err)
	case registry.NotFound(err):
		return usage(fmt.Errorf("%s: %w", ref, err))
	}
	return trouble(fmt.Errorf("%s: %w", ref, err))
}

// releasesAt lists what is attached to an image, or to all of a repository. Nothing
// is a mistake of the reference.
func releasesAt(ctx context.Context, ref string) (*attach.Repository, []attach.Release, error) {
	r, err := openReleases(ctx, ref, registry.Read)
	if err != nil {
		return nil, nil, err
	}
	list, err := r.Releases(ctx)
	if err == nil && len(list) == 0 {
		err = usage(&hinted{fmt.Errorf("%s: no release is attached to it", r.Name()), "attach one with: depaudit release push registry:" + ref + " DIR"})
	} else if err != nil {
		err = ofRegistry(ref, err)
	}
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	return r, list, nil
}

// eachPushed calls each for the releases in a registry, all of "registry:" or the
// newest of "release:".
func (c *command) eachPushed(ctx context.Context, arg string, each func(s saved, id string) error) error {
	if ref, ok := pushedRef(arg, false); ok {
		r, rel, err := c.newestAt(ctx, ref)
		if err != nil {
			return err
		}
		defer r.Close()
		return each(savedPushed(ctx, r, rel), rel.Reference)
	}
	ref, _ := pushedRef(arg, true)
	r, list, err := releasesAt(ctx, ref)
	if err != nil {
		return err
	}
	defer r.Close() // what is opened later opens its connection again
	reports := make([]saved, len(list))
	var g errgroup.Group
	g.SetLimit(parallelManifests)
	for i := range list {
		g.Go(func() error {
			reports[i] = savedPushed(ctx, r, list[i])
			return nil
		})
	}
	if err := errors.Join(g.Wait(), ctx.Err()); err != nil {
		return err
	}
	for i, s := range reports {
		id := list[i].Reference
		if list[i].Err != nil {
			id += ": " + list[i].Err.Error() // it may be that of something else, too
		}
		if err := each(s, id); err != nil {
			return err
		}
	}
	return nil
}

// newestAt returns the newest release that a reference names.
func (c *command) newestAt(ctx context.Context, ref string) (*attach.Repository, attach.Release, error) {
	r, list, err := releasesAt(ctx, ref)
	if err != nil {
		return nil, attach.Release{}, err
	}
	rel, err := c.newest(r, list)
	if err != nil {
		r.Close()
	}
	return r, rel, err
}

// readPushed reads the report of the newest release that "release:REF" names, and the
// digest of that.
func (c *command) readPushed(ctx context.Context, arg string) (*audit.Report, *bundle.Manifest, string, error) {
	ref, _ := pushedRef(arg, false)
	r, rel, err := c.newestAt(ctx, ref)
	if err != nil {
		return nil, nil, "", err
	}
	defer r.Close()
	s := savedPushed(ctx, r, rel)
	report, err := s.need(ctx)
	return report, s.release, rel.Digest, err
}

// parallelManifests is the number of manifests that are read at the same time.
// Registries slow down clients with more than a dozen requests.
const parallelManifests = 6

// savedPushed is the report of a release in a registry. Its manifest is read at once,
// and the report when it is opened.
func savedPushed(ctx context.Context, r *attach.Repository, rel attach.Release) saved {
	s := saved{name: rel.Name(r.Repository()), place: r.Repository() + "/" + rel.Label() + "/" + bundle.ReportFile, ref: rel.Reference}
	m, err := r.Manifest(ctx, rel)
	if err != nil {
		s.open = func(context.Context) (io.ReadCloser, error) { return nil, err }
		return s
	}
	s.release = &m
	s.open = func(ctx context.Context) (io.ReadCloser, error) {
		data, err := r.File(ctx, rel, bundle.ReportFile)
		return io.NopCloser(bytes.NewReader(data)), err
	}
	return s
}

// newest returns the release of the latest date, and prints which one it is of
// several. Those that cannot be read are the last ones, and could be the newest.
func (c *command) newest(r *attach.Repository, list []attach.Release) (attach.Release, error) {
	rel := list[len(list)-1]
	switch {
	case rel.Err != nil && len(list) == 1:
		return rel, ofRegistry(rel.Reference, rel.Err)
	case rel.Err != nil:
		return rel, incomplete(&hinted{fmt.Errorf("%s: one of %d releases, %s, cannot be read: %w", r.Name(), len(list), rel.Reference, rel.Err),
			"list them with: depaudit release list registry:" + r.Name() + ", and name one by its digest"})
	case len(list) == 1:
		return rel, nil
	}
	same := 0
	for _, other := range list {
		if other.Date.Equal(rel.Date) {
			same++
		}
	}
	note := ""
	if same > 1 {
		note = fmt.Sprintf("; %d have its date, and the largest digest decides", same)
	}
	fmt.Fprintf(c.stderr, "depaudit: %s has %d releases: the newest is %s of %s%s\n", terminal.Escape(r.Name()), len(list), terminal.Escape(rel.Reference), dateText(rel.Date), note)
	return rel, nil
}
