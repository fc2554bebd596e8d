package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/attach"
	"github.com/depaudit/depaudit/audit/bundle"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/sbom/registry"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// refHelp describes the references of the three commands.
const refHelp = `
REF is HOST/NAME:TAG or HOST/NAME@sha256:DIGEST. The credentials are those of
"docker login". A registry without TLS must be on this machine.
`

// registryArg returns the name in "registry:REF".
func registryArg(command, arg string) (string, error) {
	ref, ok := pushedRef(arg, true)
	if !ok && likelyImage(arg) {
		return "", usage(&hinted{fmt.Errorf("%s: %s has no scheme", command, wording.Quote(arg)), "write " + rootfs.SchemeRegistry + ":" + arg})
	}
	if info, err := os.Stat(arg); !ok && err == nil && info.IsDir() {
		return "", usage(&hinted{fmt.Errorf("%s: %s is a directory, and the command reads a registry", command, wording.Quote(arg)), "for releases in directories there are: depaudit history " + wording.ShellWord(arg) + ", depaudit release verify DIR"})
	}
	if !ok {
		return "", usage(&hinted{fmt.Errorf("%s: %s is not the reference of an image", command, wording.Quote(arg)), "write it as " + rootfs.SchemeRegistry + ":HOST/NAME:TAG"})
	}
	return ref, nil
}

func (c *command) releasePush() *cobra.Command {
	var own, attest bool
	cmd := &cobra.Command{
		Use:   "push registry:REF DIR",
		Short: "Attach a release to an image in a registry",
		Long: `Checks a directory of "depaudit release", as "release verify" does without a
key, and stores it in the registry as an artifact whose subject is the image: a
referrer of OCI 1.1. A registry that does not list referrers gets the list
under the tag sha256-DIGEST, as the specification requires. For an image of
several platforms the release belongs to the index; name one platform by its
digest.

The same directory is stored once. With --no-image the release gets the tag of
REF itself, for pipelines that release no image.

With --attestations each signed statement is attached to the image once more,
as a bundle of sigstore, which "cosign verify-attestation" and the policies of
clusters check.
` + refHelp + `
Exit codes: 0 stored, or it was there; 1 the directory was changed since it was
made, and nothing is sent; 2 the command line is wrong or there is no such
image; 4 the registry does not answer or refuses.`,
		Example: `  depaudit release push registry:ghcr.io/example/app:1.0 release-stages
  depaudit release push registry:ghcr.io/example/stages:1.0 stages --no-image`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(&hinted{errors.New("release push takes the image and the directory of a release"), "depaudit release push registry:HOST/NAME:TAG release-stages"})
			}
			if _, ok := pushedRef(args[1], true); ok {
				return usage(&hinted{errors.New("release push takes the image first, then the directory"), fmt.Sprintf("depaudit release push %s %s", args[1], wording.ShellWord(args[0]))})
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.push(cmd.Context(), args[0], args[1], own, attest)
		},
	}
	cmd.Flags().BoolVar(&own, "no-image", false, "give the release the tag of REF, which must not exist")
	cmd.Flags().BoolVar(&attest, "attestations", false, "attach the signed statements as attestations too, as cosign does")
	return cmd
}

func (c *command) push(ctx context.Context, arg, dir string, own, attest bool) error {
	if own && attest {
		return usage(errors.New("--no-image and --attestations contradict each other: an attestation is about an image"))
	}
	ref, err := registryArg("release push", arg)
	if err != nil {
		return err
	}
	files, err := readDir(dir)
	if err != nil {
		return c.notPushed(ref, dir, err)
	}
	r, err := openReleases(ctx, ref, registry.Write)
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Whole() {
		return usage(&hinted{fmt.Errorf("%s names no image: it has no tag", ref), "write the tag or the digest: " + rootfs.SchemeRegistry + ":" + ref + ":TAG"})
	}
	out, err := r.Push(ctx, files, tool().Version, attach.As{Own: own, Attestations: attest})
	if err != nil {
		return c.notPushed(ref, dir, err)
	}
	state := "pushed"
	if out.Existed {
		state = "was there before:"
	}
	fmt.Fprintf(c.stdout, "%s %s: %s, of %s, the verdict is %s\n", state, terminal.Escape(out.Reference), wording.Count(len(files), "file", "files"), out.Date.Format(time.DateOnly), out.Verdict)
	switch {
	case out.Subject == "":
		fmt.Fprintf(c.stdout, "it has the tag %s\n", terminal.Escape(r.Name()))
	case out.Tag == "":
		fmt.Fprintf(c.stdout, "attached to %s, and listed by the registry\n", out.Subject)
	default:
		fmt.Fprintf(c.stdout, "attached to %s, and listed under the tag %s, as the registry has no list of referrers\n", out.Subject, out.Tag)
	}
	if out.Attestations > 0 {
		fmt.Fprintf(c.stdout, "%s, which cosign verify-attestation checks\n", wording.Count(out.Attestations, "attestation is attached too", "attestations are attached too"))
	}
	fmt.Fprintf(c.stdout, "check it with: depaudit release verify %s:%s --key PUB\n", schemeRelease, wording.ShellWord(ref))
	c.warnUnnamed(ctx, r, out.Release, files)
	return nil
}

// notPushed explains why nothing was pushed.
func (c *command) notPushed(ref, dir string, err error) error {
	if problems, ok := errors.AsType[bundle.Problems](err); ok {
		defer fmt.Fprintln(c.stdout, "nothing was pushed")
		return c.printProblems(dir, problems)
	}
	switch _, done := errors.AsType[*exitError](err); {
	case done:
		return err
	case errors.Is(err, attach.ErrNoImage):
		return usage(&hinted{err, "push the image first, or give the release this tag itself: --no-image"})
	case errors.Is(err, attach.ErrUnsigned):
		return usage(&hinted{err, "sign them when the release is made: --key FILE"})
	case errors.Is(err, attach.ErrOtherImage):
		return usage(&hinted{err, "name the image when the release is made: --subject " + rootfs.SchemeRegistry + ":" + ref})
	case errors.Is(err, attach.ErrTaken):
		return usage(&hinted{err, "name a tag that does not exist, or attach the release to what has the tag: without --no-image"})
	}
	return ofRegistry(ref, err)
}

// pushedRelease is a release in a registry, with its files.
type pushedRelease struct {
	attach.Release
	files map[string][]byte
	// images are the digests of the image that it is attached to.
	images []string
}

// pulled reads the newest release that a reference names.
func (c *command) pulled(ctx context.Context, ref string) (*pushedRelease, error) {
	r, rel, err := c.newestAt(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := &pushedRelease{Release: rel}
	if out.files, err = r.Files(ctx, rel); err == nil {
		out.images, err = r.Images(ctx, rel)
	}
	if err != nil {
		return nil, ofRegistry(rel.Reference, err)
	}
	return out, nil
}

// names reports whether the subjects of a release, or the stages of its report, have
// one of the digests of an image.
func names(images []string, subjects []bundle.Digest, r *audit.Report) bool {
	return slices.ContainsFunc(subjects, func(d bundle.Digest) bool { return slices.Contains(images, "sha256:"+d.SHA256) }) ||
		r != nil && slices.ContainsFunc(r.Stages, func(s audit.Stage) bool { return slices.Contains(images, s.Image.Digest) })
}

// warnUnnamed warns of a release that was attached to an image that it does not name.
// It is stored by then: an image that cannot be read again is no error.
func (c *command) warnUnnamed(ctx context.Context, r *attach.Repository, rel attach.Release, files map[string][]byte) {
	images, err := r.Images(ctx, rel)
	if err != nil || images == nil {
		return
	}
	m, err := bundle.ReadManifest(files[bundle.ManifestFile])
	if err != nil {
		return
	}
	report, err := audit.Read(bytes.NewReader(files[bundle.ReportFile]))
	if err == nil && !names(images, m.Subjects, report) {
		c.warn("no statement of the release is about this image, so that release verify cannot tell it from the release of another one; name it when the release is made: --subject registry:%s@%s", r.Repository(), rel.Subject)
	}
}

// subjectImage returns the image of "registry:REF" as the subject of a release. A
// digest is taken as it is, a tag is read.
func subjectImage(ctx context.Context, ref string) (bundle.Digest, error) {
	_, digest, has := strings.Cut(ref, "@")
	parsed, err := registry.ParseName(ref)
	switch {
	case err != nil:
		return bundle.Digest{}, err
	case has && !strings.HasPrefix(digest, "sha256:"):
		return bundle.Digest{}, fmt.Errorf("--subject %s: a subject has a digest of sha256", wording.Quote(ref))
	case !has:
		r, err := openReleases(ctx, ref, registry.Read)
		if err != nil {
			return bundle.Digest{}, err
		}
		defer r.Close()
		if r.Whole() {
			return bundle.Digest{}, usage(&hinted{fmt.Errorf("%s names no image: it has no tag", ref), "write the tag or the digest"})
		}
		if digest, err = r.Image(ctx); err != nil {
			return bundle.Digest{}, ofRegistry(ref, err)
		}
	}
	return bundle.Digest{Name: parsed.Context().Name(), SHA256: strings.TrimPrefix(digest, "sha256:")}, nil
}

func (c *command) releasePull() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "pull registry:REF -o DIR",
		Short: "Get the release of an image from a registry",
		Long: `Reads the release that is attached to an image and writes its directory, whole
or not at all. Every file has the digest of its descriptor, and SHA256SUMS has
those of all files. Who made it is what "release verify" checks with a key.

Of several releases it is the one of the latest date, and a line names it; the
digest of a release, from "release list", names that one. A name without a tag
is the latest of all tags.
` + refHelp + `
Exit codes: 0 written, 2 the command line is wrong, there is no such image or no
release of it, 3 one of several releases cannot be read, and could be the
latest; 4 the registry does not answer, refuses, or sends something else than
the digests name, or the directory could not be written.`,
		Example: `  depaudit release pull registry:ghcr.io/example/app:1.0 -o release-stages
  depaudit release verify release-stages --key release.pub`,
		Args: oneRegistry("release pull"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.pull(cmd.Context(), args[0], dir) },
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "", "`DIR` to make")
	return cmd
}

func oneRegistry(command string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage(&hinted{fmt.Errorf("%s takes one image", command), fmt.Sprintf("depaudit %s registry:HOST/NAME:TAG", command)})
		}
		return nil
	}
}

func (c *command) pull(ctx context.Context, arg, dir string) error {
	ref, err := registryArg("release pull", arg)
	if err != nil {
		return err
	}
	if err := newDir("release pull", dir); err != nil {
		return err
	}
	r, rel, err := c.newestAt(ctx, ref)
	if err != nil {
		return err
	}
	defer r.Close()
	files, err := r.Files(ctx, rel)
	if err != nil {
		return ofRegistry(rel.Reference, err)
	}
	if err := writeDir(dir, files); err != nil {
		return trouble(err)
	}
	c.noteLeft(dir)
	fmt.Fprintf(c.stdout, "wrote %s: %s of %s, of %s\n", terminal.Escape(dir), wording.Count(len(files), "file", "files"), terminal.Escape(rel.Reference), rel.Date.Format(time.DateOnly))
	fmt.Fprintf(c.stdout, "check who made it with: depaudit release verify %s --key PUB\n", wording.ShellWord(dir))
	return nil
}

func (c *command) releaseList() *cobra.Command {
	var out listFlags
	cmd := &cobra.Command{
		Use:   "list registry:REF",
		Short: "List the releases of an image, or of a repository",
		Long: `Lists the releases that are attached to an image, in order of their date; for a
name without a tag those of all tags. The date and the verdict are what the
manifest has; only "release verify" proves them.
` + refHelp + `
Exit codes: 0 listed, 1 there is no release, 2 the command line is wrong or
there is no such image, 3 a release cannot be read, and the others are listed, 4
the registry does not answer or refuses.`,
		Example: `  depaudit release list registry:ghcr.io/example/app:1.0
  depaudit release list registry:ghcr.io/example/app -o json`,
		Args: oneRegistry("release list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			outputs, err := out.parse()
			if err != nil {
				return err
			}
			ref, err := registryArg("release list", args[0])
			if err != nil {
				return err
			}
			r, err := openReleases(cmd.Context(), ref, registry.Read)
			if err != nil {
				return err
			}
			defer r.Close()
			list, err := r.Releases(cmd.Context())
			if err != nil {
				return ofRegistry(ref, err)
			}
			t := newReleaseTable(r, list)
			t.name = r.Name()
			if err := c.answer(t, outputs, out.limit); err != nil {
				return err
			}
			switch {
			case t.unread > 0:
				return &exitError{code: exitIncomplete}
			case len(list) == 0:
				return &exitError{code: exitFail}
			}
			return nil
		},
	}
	out.register(cmd)
	return cmd
}

// releaseTable is the answer of release list.
type releaseTable struct {
	Repository string       `json:"repository"`
	Releases   []releaseRow `json:"releases"`
	// name is the reference that was given: the repository, or an image in it.
	name   string
	unread int
}

type releaseRow struct {
	Release string `json:"release"`
	Date    string `json:"date,omitempty"`
	Verdict string `json:"verdict,omitempty"`
	Tool    string `json:"tool,omitempty"`
	Digest  string `json:"digest,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Superseded is set if a later release is attached to the same image.
	Superseded bool     `json:"superseded,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Error      string   `json:"error,omitempty"`
}

// maxToolName is the length of a version that is printed: it is what any writer of the
// registry wrote.
const maxToolName = 100

func newReleaseTable(r *attach.Repository, list []attach.Release) *releaseTable {
	t := &releaseTable{Repository: r.Repository(), Releases: []releaseRow{}}
	for i := range list {
		rel := &list[i]
		row := releaseRow{Release: rel.Label(), Tool: wording.Cut(rel.Tool, maxToolName), Digest: rel.Digest, Subject: rel.Subject, Tags: rel.Tags, Superseded: rel.Superseded}
		if v := audit.Verdict(rel.Verdict); v == audit.Pass || v == audit.Fail || v == audit.Incomplete {
			row.Verdict = rel.Verdict
		}
		if !rel.Date.IsZero() {
			row.Date = rel.Date.Format(time.RFC3339)
		}
		if rel.Err != nil {
			row.Error = rel.Err.Error()
			t.unread++
		}
		t.Releases = append(t.Releases, row)
	}
	return t
}

// Text writes the list as a table. The digest is there to be copied, so that nothing is
// cut on a terminal either.
func (t *releaseTable) Text(w io.Writer, o terminal.Options, limit int) error {
	o.Cut = false
	p := terminal.NewPage(o)
	if len(t.Releases) == 0 {
		p.Line("", t.name+": no release is attached to it", terminal.Plain)
	}
	table := terminal.Table{Columns: []terminal.Column{
		{Title: "Tags"}, {Title: "Date", Whole: true}, {Title: "Verdict", Whole: true}, {Title: "Digest", Whole: true},
	}}
	for i := range t.Releases {
		x := &t.Releases[i]
		if limit > 0 && i < len(t.Releases)-limit {
			continue // the newest are the last
		}
		verdict := cmp.Or(x.Verdict, "unknown")
		switch {
		case x.Error != "":
			verdict = "not read"
		case x.Superseded:
			verdict += ", superseded"
		}
		table.Rows = append(table.Rows, []string{strings.Join(x.Tags, ", "), x.Date[:min(len(x.Date), len(time.DateOnly))], verdict, x.Digest})
	}
	p.Table("", table)
	if n := len(t.Releases) - len(table.Rows); n > 0 {
		p.Line("", fmt.Sprintf("and %d older ones: see --limit 0", n), terminal.Plain)
	}
	for i := range t.Releases {
		if x := &t.Releases[i]; x.Error != "" {
			p.Prose("", "  ", x.Release+": "+x.Error, terminal.Plain)
		}
	}
	_, err := p.WriteTo(w)
	return err
}
