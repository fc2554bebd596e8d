package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/pipeline"
	"github.com/depaudit/depaudit/audit/terminal"
	"github.com/depaudit/depaudit/lockcheck"
	"github.com/depaudit/depaudit/lockcheck/artifact"
	"github.com/depaudit/depaudit/lockcheck/fetch"
	"github.com/depaudit/depaudit/sbom/scan"
	"github.com/depaudit/depaudit/sbom/wording"
)

// fetchFlags are the flags of the command fetch.
type fetchFlags struct {
	limits     limitFlags
	which      pipelineFlags
	platform   string
	verify     verifyFlags
	registries []string
	simple     string
	to         string
	dryRun     bool
}

func (c *command) fetchCommand() *cobra.Command {
	var f fetchFlags
	cmd := &cobra.Command{
		Use:   "fetch [REF]",
		Short: "Download the artifacts that locks and package indexes name",
		Long: `Scans the stages of depaudit.yaml that are verified, or the environment REF, and
downloads the archives from which they were installed: the .deb files that a
signed package index names, the wheels and tarballs that lock files name.
"depaudit verify" and "depaudit audit" then compare the files of the environment
with them, byte for byte.

This is the only command that downloads them. It asks the hosts of the
ecosystems' own registries and archives, those that the configuration allows,
and those of --registry. What arrives is kept only if it has the digest that the
lock or the index has. Artifacts that are there already are not downloaded; an
interrupted download is continued.`,
		Example: `  depaudit fetch && depaudit audit
  depaudit fetch dir:ROOT --locks requirements.txt --dry-run
  depaudit fetch dir:ROOT --locks requirements.txt
  depaudit verify dir:ROOT --locks requirements.txt`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(errors.New("fetch takes one reference, or none for the stages of depaudit.yaml"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.limits.check(); err != nil {
				return err
			}
			if f.to == "" {
				f.to = f.limits.cacheOf(cacheArtifacts)
			}
			if f.to == "" {
				return usage(&hinted{errors.New("without a cache the artifacts have no place"), "--to DIRECTORY"})
			}
			proofs, err := c.fetchedFor(cmd.Context(), cmd, args, &f)
			if err != nil {
				return err
			}
			return c.get(cmd.Context(), proofs, f)
		},
	}
	f.limits.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.platform, "platform", "", "`OS/ARCH[/VARIANT]` of a multi-platform image (default: this machine's)")
	f.verify.register(cmd)
	f.which.register(cmd)
	listVar(flags, &f.registries, "registry", "`HOST` or URL that is asked besides the default registries")
	flags.StringVar(&f.simple, "python-index", "https://pypi.org/simple/", "`URL` of the index that has the files of locks without URLs")
	flags.StringVar(&f.to, "to", "", "`DIRECTORY` for artifacts (default: in the cache, where verify finds them)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be downloaded, and from where")
	return cmd
}

// fetchedFor returns what is verified with the artifacts.
func (c *command) fetchedFor(ctx context.Context, cmd *cobra.Command, args []string, f *fetchFlags) ([]pipeline.StageProof, error) {
	if len(args) == 0 {
		for _, name := range []string{"locks", "index", "trust", "artifacts", "platform"} {
			if cmd.Flags().Changed(name) {
				return nil, usage(fmt.Errorf("--%s is for a reference; a stage has it in %s", name, f.which.config))
			}
		}
		return c.stageProofs(ctx, f)
	}
	for _, name := range []string{"config", "stage", "env", "since", "baseline"} {
		if cmd.Flags().Changed(name) {
			return nil, usage(fmt.Errorf("--%s is for the stages of %s, and %s is a reference", name, f.which.config, args[0]))
		}
	}
	raw, err := reference(args[0])
	if err != nil {
		return nil, err
	}
	e, err := pipeline.ParseEnvironment(args[0], raw, "")
	if err != nil {
		return nil, usage(err)
	}
	request, err := f.verify.request(f.limits)
	if err != nil {
		return nil, err
	}
	request.Artifacts = f.with(request.Artifacts)
	e.Platform = f.platform
	if e.Verify, err = pipeline.CheckVerify(ctx, request); err != nil {
		return nil, scanExit(err)
	}
	found, err := c.inventories(ctx, []pipeline.Environment{e}, f.limits)
	if err != nil {
		return nil, err
	}
	switch {
	case found[0].Lost != nil:
		return nil, incomplete(found[0].Lost)
	case found[0].Proof == nil:
		return nil, usage(&hinted{fmt.Errorf("%s has no files that could be verified", args[0]), "name a directory, an image or host:"})
	}
	return []pipeline.StageProof{{Stage: args[0], Proof: found[0].Proof}}, nil
}

// with adds the place of the downloads to directories, if it is there.
func (f *fetchFlags) with(dirs []string) []string {
	if _, err := os.Stat(f.to); err != nil || slices.Contains(dirs, f.to) {
		return dirs
	}
	return append(slices.Clone(dirs), f.to)
}

func (c *command) stageProofs(ctx context.Context, f *fetchFlags) ([]pipeline.StageProof, error) {
	j, err := f.which.load(ctx)
	if err != nil {
		return nil, err
	}
	defer j.close()
	options, done := c.scanOptions(f.limits)
	defer done()
	options.Stages, options.Environments, options.Since = j.stages, j.environments, j.since
	options.Artifacts = f.with(options.Artifacts)
	proofs, err := pipeline.Proofs(ctx, j.config, options)
	if err != nil {
		return nil, scanExit(err)
	}
	proofs = slices.DeleteFunc(proofs, func(p pipeline.StageProof) bool { return p.Proof == nil && p.Lost == nil })
	if len(proofs) == 0 {
		return nil, usage(&hinted{fmt.Errorf("%s has no stage that is verified", f.which.config), "critical stages are, and those with verify: true"})
	}
	for _, p := range proofs {
		if p.Lost != nil {
			return nil, incomplete(p.Lost)
		}
	}
	return proofs, nil
}

func (c *command) warn(format string, args ...any) {
	fmt.Fprintf(c.stderr, "depaudit: warning: %s\n", terminal.Escape(fmt.Sprintf(format, args...)))
}

// purlType is the type that the policy for registries knows an artifact by.
func purlType(kind string) string {
	switch kind {
	case "wheel":
		return "pypi"
	case "crate":
		return "cargo"
	case "gozip":
		return "golang"
	case string(artifact.Yarn):
		return "npm"
	}
	return kind
}

// get downloads the absent artifacts of proofs.
func (c *command) get(ctx context.Context, proofs []pipeline.StageProof, f fetchFlags) error {
	policy := lockcheck.Policy{Registries: f.registries}
	var absent []audit.Artifact
	for _, p := range proofs {
		policy.Registries = append(policy.Registries, p.Registries...)
		absent = append(absent, p.Proof.Absent...)
		for _, g := range p.Proof.Gaps {
			c.warn("%s", strings.TrimPrefix(g.Path+": "+g.Detail, ": "))
		}
	}
	wanted, failed := c.locate(ctx, absent, f, policy)
	var list []fetch.Artifact
	var total int64
	unknown := 0
	kinds := make(map[string]string) // by URL
	for _, a := range wanted {
		item := fetch.Artifact{URL: a.URL, Size: a.Size, Digests: a.Digests}
		if a.Kind == string(artifact.Yarn) {
			item.Check = func(file string) error { return artifact.CheckYarn(ctx, file, a.Digests) }
		}
		list = append(list, item)
		kinds[a.URL] = purlType(a.Kind)
		total += a.Size
		if a.Size == 0 {
			unknown++
		}
	}
	if len(list) == 0 && len(failed) == 0 {
		fmt.Fprintln(c.stdout, "nothing to download: every artifact that an entry names is here, or no entry names one")
		return nil
	}
	size := cmp.Or(terminal.Bytes(total), "no size known")
	if unknown > 0 {
		size = fmt.Sprintf("%s, and %d whose size only the server knows", size, unknown)
	}
	fmt.Fprintf(c.stdout, "%s to download (%s)\n", wording.Count(len(list), "artifact", "artifacts"), size)
	if f.dryRun {
		for _, a := range list {
			at := "?"
			if a.Size > 0 {
				at = terminal.Bytes(a.Size)
			}
			fmt.Fprintf(c.stdout, "%9s  %s\n", at, terminal.Escape(a.URL))
		}
		return c.unfetched(failed)
	}
	if len(list) == 0 {
		return c.unfetched(failed)
	}
	line := c.newProgress()
	results, err := fetch.Run(ctx, list, fetch.Options{
		Directory: f.to,
		Allow: func(u *url.URL) error {
			for _, kind := range kinds {
				if policy.Allows(kind, u.String()) {
					return nil
				}
			}
			return fmt.Errorf("the host %q is not allowed (--registry %s allows it)", u.Host, u.Host)
		},
		Progress: func(p fetch.Progress) {
			if line != nil {
				line.set(pipeline.Progress{Name: fmt.Sprintf("%d of %d", p.Done, p.Total), Progress: downloading(p)})
			}
		},
	})
	line.end()
	if err != nil {
		return trouble(err)
	}
	var bytes int64
	n := 0
	for _, r := range results {
		if r.Err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", r.URL, r.Err))
			continue
		}
		bytes += r.Bytes
		n++
	}
	fmt.Fprintf(c.stdout, "fetched %s (%s) into %s\n", wording.Count(n, "artifact", "artifacts"), terminal.Bytes(bytes), terminal.Escape(f.to))
	return c.unfetched(failed)
}

// unfetched reports what could not be had. It is a gap of what is to be proved.
func (c *command) unfetched(failed []string) error {
	if len(failed) == 0 {
		return nil
	}
	slices.Sort(failed)
	for _, text := range failed {
		c.warn("%s", text)
	}
	return incomplete(fmt.Errorf("%s could not be fetched", wording.Count(len(failed), "artifact", "artifacts")))
}

// locate gives each artifact its URL, and returns the artifacts that have one
// once, in order of it.
func (c *command) locate(ctx context.Context, absent []audit.Artifact, f fetchFlags, policy lockcheck.Policy) (found []audit.Artifact, failed []string) {
	o := fetch.Options{Allow: func(u *url.URL) error {
		if policy.Allows("pypi", u.String()) {
			return nil
		}
		return fmt.Errorf("the host %q is not allowed (--registry %s allows it)", u.Host, u.Host)
	}}
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, 4) // requests at a time, as many as downloads
	for _, a := range absent {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			err := ctx.Err()
			if a.URL == "" && err == nil {
				err = place(ctx, &a, f.simple, o)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, fmt.Sprintf("%s %s: %v", a.Name, a.Version, err))
				return
			}
			found = append(found, a)
		})
	}
	group.Wait()
	slices.SortFunc(found, func(a, b audit.Artifact) int {
		return cmp.Or(cmp.Compare(a.URL, b.URL), cmp.Compare(a.Component, b.Component))
	})
	return slices.CompactFunc(found, func(a, b audit.Artifact) bool { return a.URL == b.URL && slices.Equal(a.Digests, b.Digests) }), failed
}

// place finds the URL of an artifact whose entry has none.
func place(ctx context.Context, a *audit.Artifact, simple string, o fetch.Options) error {
	switch a.Kind {
	case "wheel":
		found, err := fetch.Simple(ctx, simple, a.Name, a.File, a.Digests, o)
		if err != nil {
			return err
		}
		a.URL, a.Size, a.Digests = found.URL, found.Size, found.Digests
	case string(artifact.Yarn):
		stored := func(d string) bool {
			algorithm, _, _ := strings.Cut(d, ":")
			return strings.HasSuffix(algorithm, "c0")
		}
		switch {
		case artifact.IsYarnPatch(a.File):
			return errors.New("a patch changes it: only Yarn's cache has the patched one (yarn install, and --artifacts ~/.yarn/berry/cache)")
		case !slices.ContainsFunc(a.Digests, stored):
			return errors.New("its checksum is that of a compressed zip file, which only Yarn's cache has (yarn install, and --artifacts ~/.yarn/berry/cache)")
		}
		a.URL = "https://registry.npmjs.org/" + a.Name + "/-/" + path.Base(a.Name) + "-" + a.Version + ".tgz"
	case "npm":
		// https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md
		a.URL = "https://registry.npmjs.org/" + a.Name + "/-/" + path.Base(a.Name) + "-" + a.Version + ".tgz"
	case "gem":
		a.URL = "https://rubygems.org/downloads/" + a.Name + "-" + a.Version + ".gem"
	default:
		return errors.New("nothing names a URL of it")
	}
	return nil
}

// downloading is the state of a download as that of a scan.
func downloading(p fetch.Progress) (s scan.Progress) {
	s.Phase, s.Bytes, s.Total = "downloading "+p.File, p.Bytes, p.Size
	return s
}
