package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit/atomicfile"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/lockcheck/index"
	"github.com/depaudit/depaudit/lockcheck/trust"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

func (c *command) indexCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "index",
		Short: "Package indexes, which prove where system packages are from",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(c.indexSaveCommand())
	return cmd
}

func (c *command) indexSaveCommand() *cobra.Command {
	var (
		limits   limitFlags
		file     string
		dirs     []string
		keys     []string
		platform string
	)
	cmd := &cobra.Command{
		Use:   "save [REF]",
		Short: "Write the signed indexes that list a stage's packages to a file",
		Long: `Writes the package indexes that list the packages of an environment, with the
signatures that vouch for them, to one file. Images are usually built without
/var/lib/apt/lists, and the indexes of a later day list later versions: so write
the bundle when the environment is built, and give it to the audit with
--index FILE or "indexes:" in depaudit.yaml.

The indexes are those of the environment, and those in directories given with
--index: of a mirror, or of a snapshot of the day. Without REF all indexes of
these directories are written.

A signature covers the digest of a whole index, so whole indexes are kept: about
11 MB for the main part of Debian 12.`,
		Example: `  depaudit index save -o indexes.zip dir:/srv/chroot/build
  depaudit index save -o indexes.zip oci-dir:build/image --index mirror/dists`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(errors.New("index save takes one reference"))
			}
			return nil
		},
		ValidArgsFunction: completeEnvironment,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := limits.check(); err != nil {
				return err
			}
			if file == "" {
				return usage(&hinted{errors.New("index save needs a file to write: -o FILE"), "depaudit index save -o indexes.zip REF"})
			}
			if err := placeFor(file); err != nil {
				return err
			}
			if len(args) == 0 && len(dirs) == 0 {
				return usage(&hinted{errors.New("index save needs a reference, or a directory with indexes"), "depaudit index save -o indexes.zip dir:ROOT"})
			}
			trusted, err := trust.Open(keys)
			if err != nil {
				return usage(err)
			}
			var sources []index.Source
			for _, dir := range dirs {
				s, closer, err := index.OpenSource(dir)
				if err != nil {
					return usage(err)
				}
				defer closer.Close()
				sources = append(sources, s)
			}
			var packages []index.Package
			if len(args) == 1 {
				own, doc, done, err := c.indexesOf(cmd.Context(), args[0], platform, limits)
				if err != nil {
					return err
				}
				defer done()
				sources, packages = append(own, sources...), systemPackages(doc)
				trusted = trusted.For(doc.Environment.OS.ID, doc.Environment.OS.IDLike)
			}
			return c.saveIndexes(cmd.Context(), file, sources, trusted, packages)
		},
	}
	limits.register(cmd)
	cmd.Flags().StringVarP(&file, "output", "o", "", "`FILE` to write")
	listVar(cmd.Flags(), &dirs, "index", "directory or `FILE` with indexes")
	listVar(cmd.Flags(), &keys, "trust", "`FILE` with keys that are trusted, or the fingerprint of a built-in key, which excludes the other built-in ones")
	cmd.Flags().StringVar(&platform, "platform", "", "`OS/ARCH[/VARIANT]` of a multi-platform image (default: this machine's)")
	return cmd
}

// indexesOf scans an environment, and returns its own indexes and its document.
// done must be called when the indexes are not used any more.
func (c *command) indexesOf(ctx context.Context, arg, platform string, limits limitFlags) (sources []index.Source, doc *sbom.Document, done func(), err error) {
	raw, err := reference(arg)
	if err != nil {
		return nil, nil, nil, err
	}
	e, err := pipeline.ParseEnvironment(raw, raw, "")
	if err != nil {
		return nil, nil, nil, usage(err)
	}
	e.Platform = platform
	inventories, err := c.inventories(ctx, []pipeline.Environment{e}, limits)
	if err != nil {
		return nil, nil, nil, err
	}
	if lost := inventories[0].Lost; lost != nil {
		return nil, nil, nil, incomplete(lost)
	}
	doc = inventories[0].Document
	if len(systemPackages(doc)) == 0 {
		return nil, nil, nil, incomplete(fmt.Errorf("%s has no packages of an operating system that has indexes", raw))
	}
	if e.Ref.Scheme == rootfs.SchemeSBOM || e.Ref.Scheme == rootfs.SchemeSnapshot {
		return nil, doc, func() {}, nil
	}
	tree, err := rootfs.Open(ctx, e.Ref, rootfs.Options{
		Keep: &rootfs.Keep{ID: "indexes 2", Content: func(path string, _ int64, _ rootfs.Class) bool {
			return index.InEnvironment(path)
		}},
		Platform: platform,
		Cache:    limits.cache(),
	})
	if err != nil {
		return nil, nil, nil, trouble(err)
	}
	return index.EnvironmentSources(tree.FS("/")), doc, func() { tree.Close() }, nil
}

// systemPackages returns the packages of a document that an index can have.
func systemPackages(d *sbom.Document) []index.Package {
	var out []index.Package
	for i := range d.Components {
		if c := &d.Components[i]; slices.Contains(index.Types(), c.Type) {
			out = append(out, index.Package{Type: c.Type, Name: c.Name, Version: c.Version, Arch: c.Arch})
		}
	}
	return out
}

// saveIndexes writes the bundle and prints what is in it.
func (c *command) saveIndexes(ctx context.Context, file string, sources []index.Source, keys *trust.Keys, packages []index.Package) error {
	var saved *index.Saved
	err := atomicfile.Write(file, func(w io.Writer) (err error) {
		saved, err = index.Save(ctx, w, sources, keys, packages)
		switch {
		case err != nil:
			return err
		case len(saved.Indexes) == 0:
			return errNoIndex
		}
		return nil
	})
	if saved != nil {
		for _, p := range saved.Problems {
			fmt.Fprintf(c.stderr, "warning: %s: %s\n", terminal.Escape(p.File), terminal.Escape(p.Detail))
		}
	}
	switch {
	case errors.Is(err, errNoIndex):
		return incomplete(&hinted{errors.New("no index lists the packages: nothing was written"), "run it where the lists of the package manager are still there (after apt-get update), or name a directory: --index DIR"})
	case err != nil:
		return trouble(err)
	}
	fmt.Fprintf(c.stdout, "wrote %s: %s\n", terminal.Escape(file), wording.Count(len(saved.Indexes), "index", "indexes"))
	for _, x := range saved.Indexes {
		by := x.KeyName
		if by == "" {
			by = "not trusted: " + x.Problem
		}
		fmt.Fprintf(c.stdout, "  %s (%s)\n", terminal.Escape(x.Describe()), terminal.Escape(by))
	}
	if packages == nil {
		return nil
	}
	var parts []string
	for _, evidence := range index.Evidence() {
		if n := saved.Packages[evidence]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, evidence))
		}
	}
	fmt.Fprintf(c.stdout, "%s: %s\n", wording.Count(len(packages), "package", "packages"), strings.Join(parts, ", "))
	return nil
}

// errNoIndex ends the writing of a bundle that would be empty.
var errNoIndex = errors.New("no index")
