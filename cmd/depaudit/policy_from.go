package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"github.com/depaudit/depaudit/audit"
	"github.com/depaudit/depaudit/audit/config"
	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Policy that a pull request cannot change.
//
// With --policy-from the configuration and the files that decide (the baseline, the
// exceptions, locks, indexes and keys) are those of a commit, with --policy those of
// another checkout. A file is found there at the path that it has in the checkout,
// whatever the checkout has there: a link, a directory, nothing. Environments, bases,
// artifacts and definitions are what is judged, and are of the checkout.

// registerPolicy adds the flags of commands that can judge by another policy.
func (p *pipelineFlags) registerPolicy(cmd *cobra.Command) {
	cmd.Flags().Var((*filledValue)(&p.policyFrom), "policy-from", "read configuration, baseline, exceptions, locks, indexes and keys as this `COMMIT` has them")
	cmd.Flags().Var((*filledValue)(&p.policyDir), "policy", "like --policy-from, of `DIR`, another checkout")
	cmd.MarkFlagsMutuallyExclusive("policy-from", "policy")
}

// filledValue is a string that is given once, as of two values one would be lost, and
// that is not empty: with the value of a variable that is not
// set, the branch would judge itself.
type filledValue string

func (v *filledValue) String() string { return string(*v) }
func (v *filledValue) Type() string   { return "string" }
func (v *filledValue) Set(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("the value is empty (is a variable of the workflow not set?)")
	}
	if *v != "" {
		return errors.New("it is given twice, and takes one value")
	}
	*v = filledValue(s)
	return nil
}

// policyFiles are what the two kinds of policy share.
type policyFiles struct {
	// root is the root of the checkout, and dir the directory that has the files.
	root, dir string
	from      audit.PolicyFrom
	// config is the path of the configuration as it was given.
	config string
	// used are the files that were read, by their path in the checkout, with slashes.
	used map[string]usedFile
	// globs are the directories and patterns of locks, missed the paths that the policy
	// does not have.
	globs  [][2]string
	missed []string
}

// usedFile is a file of the policy.
type usedFile struct {
	shown string // the path as it was given
	place string // that of its content
	link  bool   // it is a symbolic link
}

// openPolicy returns the files of the policy, nil without the flags. remove must be
// called.
func (p *pipelineFlags) openPolicy(ctx context.Context) (files config.Files, remove func(), err error) {
	remove = func() {}
	if p.policyFrom == "" && p.policyDir == "" {
		return nil, remove, nil
	}
	at := policyFiles{config: p.config, used: map[string]usedFile{}}
	if at.root, err = checkoutRoot(p.config); err != nil {
		return nil, nil, usage(err)
	}
	if p.policyDir != "" {
		files, err := openDir(at, p.policyDir)
		if err != nil {
			return nil, nil, usage(fmt.Errorf("--policy %s: %w", p.policyDir, err))
		}
		return files, remove, nil
	}
	if _, err := os.Lstat(filepath.Join(at.root, ".git")); err != nil {
		return nil, nil, usage(&hinted{fmt.Errorf("--policy-from %s: %s is in no git repository", p.policyFrom, p.config), "check the repository out with git, or use --policy DIR"})
	}
	dir, remove, err := newScratch()
	if err != nil {
		return nil, nil, trouble(err)
	}
	at.dir = filepath.Join(dir, "policy")
	g, err := openCommit(ctx, at, p.policyFrom)
	if err != nil {
		remove()
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, usage(fmt.Errorf("--policy-from: %w", err))
	}
	return g, remove, nil
}

// checkoutRoot returns the root of the checkout that has a configuration: that of the
// working directory if the configuration is in it by its path. Its links do not
// count: a branch can make one of any directory. Nor do submodules: a branch can make
// one of the directory with the configuration, and main would be that of the
// branch's author.
func checkoutRoot(file string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	for _, from := range []string{dir, filepath.Dir(abs)} {
		for at := from; ; at = filepath.Dir(at) {
			if git := filepath.Join(at, ".git"); isRepository(git) && insideOf(abs, at) {
				return at, nil
			}
			if filepath.Dir(at) == at {
				break
			}
		}
	}
	if insideOf(abs, dir) {
		return dir, nil
	}
	return filepath.Dir(abs), nil
}

// isRepository reports whether .git of a directory makes it a checkout of its own. That
// of a submodule is a file that names a directory of the repository around it,
// modules/NAME, where NAME is of the branch (gitsubmodules(7), gitrepository-layout(5)).
func isRepository(git string) bool {
	info, err := os.Lstat(git)
	if err != nil || !info.Mode().IsRegular() {
		return err == nil
	}
	const longest = 8192
	text, err := textfile.Read(git, longest)
	return err == nil && !strings.Contains(filepath.ToSlash(string(text)), "/modules/")
}

// inside returns the path of a file in the checkout, with slashes.
func (f *policyFiles) inside(file string) (string, bool) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(f.root, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// uses reports whether a file was used before.
func (f *policyFiles) uses(shown, rel string) bool {
	_, known := f.used[rel]
	return known
}

// Shown implements [config.Files].
func (f *policyFiles) Shown(text string) string {
	prefix, err := filepath.Rel(workingDirectory(), f.root)
	if err != nil {
		prefix = f.root
	}
	prefix = strings.TrimPrefix(prefix+string(filepath.Separator), "."+string(filepath.Separator))
	return strings.ReplaceAll(text, f.dir+string(filepath.Separator), prefix)
}

// workingDirectory returns the working directory, "." if it is not known.
func workingDirectory() string {
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	return dir
}

// From implements [config.Files].
func (f *policyFiles) From() *audit.PolicyFrom {
	out := f.from
	changes := map[string]string{}
	for _, rel := range slices.Sorted(maps.Keys(f.used)) {
		used := f.used[rel]
		if change := f.change(rel, used); change != "" {
			changes[shownPath(used.shown)] = change
		}
	}
	for _, g := range f.globs {
		found, err := globFiles(g[0], g[1])
		if err != nil {
			continue // the checkout's own files do not decide
		}
		for _, file := range found {
			if rel, inside := f.inside(file); inside && f.used[rel].place == "" {
				changes[shownPath(file)] = audit.PolicyAdded
			}
		}
	}
	for _, file := range f.missed {
		if _, err := os.Lstat(file); err == nil {
			changes[shownPath(file)] = audit.PolicyAdded
		}
	}
	for _, path := range slices.Sorted(maps.Keys(changes)) {
		out.Files = append(out.Files, audit.PolicyFile{Path: path, Change: changes[path]})
	}
	out.Stages = f.newStages()
	return &out
}

func shownPath(file string) string { return sbom.ValidText(filepath.ToSlash(filepath.Clean(file))) }

// change returns how a file differs in the checkout, "" if it does not.
func (f *policyFiles) change(rel string, used usedFile) string {
	here := filepath.Join(f.root, filepath.FromSlash(rel))
	info, err := os.Lstat(here)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return audit.PolicyRemoved
	case err != nil, info.Mode()&fs.ModeSymlink != 0 != used.link:
		return audit.PolicyChanged
	}
	want, err := os.ReadFile(used.place)
	if err != nil {
		return audit.PolicyChanged
	}
	have, err := textfile.Read(here, int64(maxPolicyFile))
	if err != nil || !bytes.Equal(gitText(want), gitText(have)) {
		return audit.PolicyChanged
	}
	return ""
}

// gitText returns a text as git stores it: a checkout on Windows has other line ends.
func gitText(data []byte) []byte {
	return bytes.ReplaceAll(bytes.TrimPrefix(data, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
}

// newStages returns the stages that only the configuration of the checkout has.
func (f *policyFiles) newStages() []string {
	trusted, err := parseFile(f.config, f.used)
	if err != nil {
		return nil
	}
	const most = 1 << 20
	data, err := textfile.Read(f.config, most)
	if err != nil {
		return nil
	}
	branch, err := config.Parse(f.config, data)
	if err != nil {
		return nil // the finding about the changed file remains
	}
	var out []string
	for _, s := range branch.Stages {
		if trusted.Stage(s.Name) == nil {
			out = append(out, s.Name)
		}
	}
	return out
}

func parseFile(file string, used map[string]usedFile) (*config.Config, error) {
	for _, u := range used {
		if u.shown == file {
			data, err := os.ReadFile(u.place)
			if err != nil {
				return nil, err
			}
			return config.Parse(file, data)
		}
	}
	return nil, fs.ErrNotExist
}

// globFiles returns the files below a directory of the checkout that a pattern matches.
func globFiles(dir, pattern string) ([]string, error) {
	found, err := doublestar.Glob(os.DirFS(dir), pattern, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
	for i, name := range found {
		found[i] = filepath.Join(dir, filepath.FromSlash(name))
	}
	return found, err
}

func matchesPattern(pattern, name string) bool {
	ok, err := doublestar.Match(pattern, name)
	return ok && err == nil
}

// dirFiles are the files of another checkout, as config.Files.
type dirFiles struct{ policyFiles }

// openDir returns the files of another checkout.
func openDir(at policyFiles, dir string) (*dirFiles, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &hinted{errors.New("the directory does not exist"), "check the trusted branch out there first: git worktree add " + wording.ShellWord(dir) + " origin/main"}
	case err != nil:
		return nil, readable(dir, err)
	case !info.IsDir():
		return nil, errors.New("is not a directory")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	at.dir, at.from.Dir = resolved(abs), sbom.ValidText(filepath.ToSlash(dir))
	if root, err := os.Stat(at.root); err == nil {
		at.from.Self = os.SameFile(root, info)
	}
	return &dirFiles{at}, nil
}

// Place implements [config.Files].
func (d *dirFiles) Place(file string) (string, error) {
	rel, inside := d.policyFiles.inside(file)
	if !inside {
		return file, nil
	}
	place := filepath.Join(d.dir, filepath.FromSlash(rel))
	info, err := os.Lstat(place)
	real := place
	if err == nil {
		real, err = filepath.EvalSymlinks(place)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: %w in %s", file, fs.ErrNotExist, d.from.Dir)
	case err != nil:
		return "", err
	case !insideOf(real, d.dir):
		return "", fmt.Errorf("%s is a symbolic link that leads out of %s", file, d.from.Dir)
	}
	if target, err := os.Stat(real); err == nil && target.Mode().IsRegular() && !d.uses(file, rel) {
		d.used[rel] = usedFile{shown: file, place: place, link: info.Mode()&fs.ModeSymlink != 0}
	}
	return place, nil
}

// Glob implements [config.Files].
func (d *dirFiles) Glob(dir, pattern string) ([]string, error) {
	rel, inside := d.policyFiles.inside(dir)
	if !inside {
		return globFiles(dir, pattern)
	}
	d.globs = append(d.globs, [2]string{dir, pattern})
	from := filepath.Join(d.dir, filepath.FromSlash(rel))
	found, err := globFiles(from, pattern)
	for i, file := range found {
		name, err := filepath.Rel(from, file)
		if err != nil {
			return nil, err
		}
		found[i] = filepath.Join(dir, name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return found, err
}

// Missed implements [config.Files].
func (f *policyFiles) Missed(path string) { f.missed = append(f.missed, path) }

// placeKey returns the place of the key that must have signed the baseline: that of the
// policy, nil for the checkout. A key that the branch adds would be its author's, so that
// the policy must have the file, or it is outside of the checkout.
func (p *pipelineFlags) placeKey(files config.Files) (string, error) {
	if files == nil || p.baselineKey == "" {
		return p.baselineKey, nil
	}
	place, err := files.Place(p.baselineKey)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &hinted{fmt.Errorf("--baseline-key %w", err), "commit the key there first, or name a file outside of the checkout: a key of the branch proves nothing"}
	}
	return place, err
}

// placeSources replaces the indexes and keys of the command line by those of the
// policy, where it has them: what the job made or downloaded is not in a commit.
func (p *pipelineFlags) placeSources(j *job, files config.Files) error {
	for _, list := range []*[]string{&j.sources.Indexes, &j.sources.Trust} {
		*list = slices.Clone(*list)
		for i, file := range *list {
			place, err := files.Place(file)
			switch {
			case err == nil:
				(*list)[i] = place
			case !errors.Is(err, fs.ErrNotExist):
				return err
			}
		}
	}
	return nil
}
