package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/audit/textfile"
	"github.com/depaudit/depaudit/sbom/wording"
)

// A commit is read by git, the only program besides depaudit that is started, and by
// three of its commands that execute nothing (rev-parse, ls-tree, cat-file). What a
// repository's own configuration, its references and its trees could do is turned
// off: see gitOptions and gitEnvironment. The manuals are git(1), git-config(1) and
// gitrevisions(7).

// gitOptions precede each command. Options on the command line are stronger than the
// repository's configuration.
func gitOptions() []string {
	options := []string{"--no-pager", "--no-replace-objects", "--literal-pathspecs"}
	for _, setting := range []string{
		"core.fsmonitor=false", // a program
		"core.hooksPath=" + os.DevNull,
		"core.sshCommand=false",
		"core.askPass=",
		"core.alternateRefsCommand=",
		"core.attributesFile=" + os.DevNull,
		"credential.helper=",
		// A partial clone fetches what it lacks, by programs that it names.
		"protocol.allow=never",
		// A directory with HEAD, objects and refs in the tree is no repository: its
		// author would choose what the names of branches mean.
		"safe.bareRepository=explicit",
		// Two references of one name: see resolve.
		"core.warnAmbiguousRefs=true",
		"core.quotePath=false",
	} {
		options = append(options, "-c", setting)
	}
	return options
}

// gitEnvironment returns the environment of git: without what points it to another
// repository, index or object store, and without prompts. The configuration that the
// user gives it (GIT_CONFIG_*) stays: that is where safe.directory is.
func gitEnvironment() []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		own := strings.HasPrefix(name, "GIT_CONFIG") || name == "GIT_CEILING_DIRECTORIES" || name == "GIT_DISCOVERY_ACROSS_FILESYSTEM"
		return strings.HasPrefix(name, "GIT_") && !own || strings.HasPrefix(name, "LC_") || name == "LANG" || name == "LANGUAGE" || name == "SSH_ASKPASS"
	})
	return append(env, "LC_ALL=C", "GIT_NO_LAZY_FETCH=1", "GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0",
		"GIT_ATTR_NOSYSTEM=1", "GIT_GRAFT_FILE="+os.DevNull, "GIT_PAGER=cat")
}

// repo is the repository whose work tree has the root dir.
type repo struct{ git, dir string }

// gitError is a failure of git with what it printed.
type gitError struct {
	command, text string
	err           error
}

func (e *gitError) Error() string {
	text := strings.TrimSpace(e.text)
	if text == "" {
		text = e.err.Error()
	}
	for strings.HasPrefix(text, "hint: ") && strings.Contains(text, "\n") {
		_, text, _ = strings.Cut(text, "\n")
	}
	line, _, _ := strings.Cut(text, "\n")
	return fmt.Sprintf("git %s: %s", e.command, strings.TrimPrefix(line, "fatal: "))
}

// maxGitText bounds what git prints on the standard error that is kept.
const maxGitText = 16 << 10

// run runs git and returns what it printed on both streams, at most limit bytes of
// the standard output.
func (r *repo) run(ctx context.Context, out io.Writer, limit int64, command string, args ...string) (stderr string, err error) {
	cmd := exec.CommandContext(ctx, r.git, append(append(gitOptions(), command), args...)...)
	cmd.Dir, cmd.Env = r.dir, gitEnvironment()
	errs := &bounded{w: new(bytes.Buffer), left: maxGitText, drop: true}
	to := &bounded{w: out, left: limit}
	cmd.Stdout, cmd.Stderr = to, errs
	err = cmd.Run()
	text := errs.w.(*bytes.Buffer).String()
	switch {
	case ctx.Err() != nil:
		return text, ctx.Err()
	case to.over:
		return text, fmt.Errorf("git %s printed more than %d bytes", command, limit)
	case err != nil:
		return text, &gitError{command, text, err}
	}
	return text, nil
}

// bounded writes up to a number of bytes. More is an error, or dropped.
type bounded struct {
	w          io.Writer
	left       int64
	drop, over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	n := len(p)
	if int64(n) > b.left {
		b.over = true
		if !b.drop {
			return 0, errors.New("too much")
		}
		p = p[:b.left]
	}
	b.left -= int64(len(p))
	_, err := b.w.Write(p)
	return n, err
}

func (r *repo) text(ctx context.Context, command string, args ...string) (string, string, error) {
	var out bytes.Buffer
	stderr, err := r.run(ctx, &out, maxGitText, command, args...)
	return strings.TrimSpace(out.String()), stderr, err
}

// openRepo opens the repository with a work tree at dir.
func openRepo(ctx context.Context, dir string) (*repo, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, &hinted{errors.New("git is not installed"), "install it, or check the trusted branch out in another directory and use --policy DIR"}
	}
	r := &repo{git, dir}
	top, stderr, err := r.text(ctx, "rev-parse", "--show-toplevel")
	switch {
	case err != nil && strings.Contains(stderr, "dubious ownership"):
		return nil, &hinted{fmt.Errorf("git does not trust the repository %s: another user owns it", dir), "git config --global --add safe.directory " + dir}
	case err != nil:
		return nil, err
	case resolved(top) != resolved(dir):
		return nil, fmt.Errorf("git takes %s for the root of the work tree, and the repository is in %s", top, dir)
	}
	return r, nil
}

// resolve returns the full name of the commit that a revision names.
func (r *repo) resolve(ctx context.Context, ref string) (string, error) {
	switch {
	case strings.TrimSpace(ref) == "":
		return "", &hinted{errors.New("the name of the commit is empty"), "name a branch, a tag or a commit, such as origin/main"}
	case strings.HasPrefix(ref, "-"):
		return "", fmt.Errorf("%s is not the name of a commit", textfile.Quote(ref))
	case strings.IndexFunc(ref, func(c rune) bool { return c < ' ' || c == 0x7f }) >= 0:
		return "", fmt.Errorf("%s is not the name of a commit", textfile.Quote(ref))
	}
	commit, stderr, err := r.text(ctx, "rev-parse", "--verify", "--end-of-options", ref+"^{commit}")
	var failed *gitError
	switch {
	case errors.As(err, &failed):
		return "", r.unknown(ctx, ref, failed)
	case err != nil:
		return "", err
	case strings.Contains(stderr, "is ambiguous"):
		// A branch of a fork can have the name of a remote one, and git prefers it.
		return "", &hinted{fmt.Errorf("%s names several things in this repository", textfile.Quote(ref)), "write the full name: refs/remotes/" + ref + ", refs/heads/" + ref + " or refs/tags/" + ref}
	}
	return commit, nil
}

// unknown returns the error for a revision that is not there, with the command that
// fetches it.
func (r *repo) unknown(ctx context.Context, ref string, failed *gitError) error {
	if strings.Contains(failed.text, "is ambiguous") || strings.Contains(failed.text, "expected commit type") {
		return failed
	}
	remote, branch := "origin", ref
	if remotes, _, err := r.text(ctx, "remote"); err == nil {
		for name := range strings.Lines(remotes) {
			name = strings.TrimSpace(name)
			if rest, ok := strings.CutPrefix(strings.TrimPrefix(ref, "refs/remotes/"), name+"/"); ok && name != "" {
				remote, branch = name, rest
			}
		}
	}
	why := "this repository has no such commit"
	if shallow, _, err := r.text(ctx, "rev-parse", "--is-shallow-repository"); err == nil && shallow == "true" {
		why = "this repository is a shallow clone without it"
	}
	hint := fmt.Sprintf("fetch it first: git fetch --depth=1 %s %s", wording.ShellWord(remote), wording.ShellWord(branch))
	if branch == ref && !commitName(ref) {
		hint += ", and name it FETCH_HEAD"
	}
	return &hinted{fmt.Errorf("%s: %s", textfile.Quote(ref), why), hint}
}

func commitName(s string) bool {
	return len(s) >= 40 && strings.Trim(s, "0123456789abcdef") == ""
}

// The modes of a tree's entries that are told apart, see git-fast-import(1).
const (
	modeLink   = "120000"
	modeModule = "160000"
	modeTree   = "040000"
)

// treeEntry is a file, link, directory or submodule of a commit.
type treeEntry struct{ mode, oid string }

// maxListing bounds the list of a commit's files: two million paths of 100 bytes.
const maxListing = 256 << 20

// tree lists all entries of a commit by path.
func (r *repo) tree(ctx context.Context, commit string) (map[string]treeEntry, error) {
	var out bytes.Buffer
	if _, err := r.run(ctx, &out, maxListing, "ls-tree", "-r", "-t", "-z", "--full-tree", commit); err != nil {
		return nil, err
	}
	entries := map[string]treeEntry{}
	for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\x00"), "\x00") {
		if line == "" {
			continue
		}
		meta, name, ok := strings.Cut(line, "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 3 {
			return nil, fmt.Errorf("git ls-tree printed %s", textfile.Quote(line))
		}
		if !fs.ValidPath(name) || name == "." {
			// Such a tree is made on purpose: git writes none.
			return nil, fmt.Errorf("the commit %s has the invalid path %s", commit, textfile.Quote(name))
		}
		entries[name] = treeEntry{fields[0], fields[2]}
	}
	return entries, nil
}

// blob writes the content of a file to w.
func (r *repo) blob(ctx context.Context, w io.Writer, limit int64, oid string) error {
	stderr, err := r.run(ctx, w, limit, "cat-file", "blob", oid)
	var failed *gitError
	if errors.As(err, &failed) && (strings.Contains(stderr, "bad file") || strings.Contains(stderr, "could not fetch") || strings.Contains(stderr, "promisor") || strings.Contains(stderr, "not allowed")) {
		return &hinted{errors.New("this repository is a partial clone without its content"), "clone without --filter, or fetch the branch with: git fetch --refetch --no-filter --depth=1 origin BRANCH"}
	}
	return err
}

// gitFiles are the files of a commit, as config.Files.
type gitFiles struct {
	policyFiles
	ctx     context.Context
	repo    *repo
	commit  string
	entries map[string]treeEntry
	left    int64 // bytes that may still be written
}

const (
	// maxPolicyFile is the largest file that is read of a commit: an index of all
	// packages of a system has 60 MB.
	maxPolicyFile = 256 << 20
	// maxPolicy is the limit for all of them.
	maxPolicy = 1 << 30
	// maxPolicyDir is the number of files of a directory that is named whole.
	maxPolicyDir = 10_000
	// maxPolicyLinks is the number of links that are followed, that of Linux.
	maxPolicyLinks = 40
)

// find returns the path and the entry that a path leads to, without links.
func (g *gitFiles) find(name string) (string, treeEntry, error) {
	todo := strings.Split(name, "/")
	at := "."
	for links := 0; ; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			if len(todo) == 0 {
				return at, treeEntry{mode: modeTree}, nil
			}
			continue
		case "..":
			if at == "." {
				return "", treeEntry{}, fmt.Errorf("a symbolic link on the way to %s leads out of the repository", textfile.Quote(name))
			}
			if at = path.Dir(at); len(todo) == 0 {
				return at, treeEntry{mode: modeTree}, nil
			}
			continue
		}
		next := path.Join(at, part)
		e, ok := g.entries[next]
		switch {
		case !ok:
			return "", treeEntry{}, fs.ErrNotExist
		case e.mode == modeModule:
			return "", treeEntry{}, &hinted{fmt.Errorf("%s is in the submodule %s, of which a commit has the name alone", textfile.Quote(name), textfile.Quote(next)),
				"check the trusted branch out with its submodules in another directory, and use --policy DIR"}
		case e.mode == modeLink:
			target, err := g.link(e)
			if err != nil {
				return "", treeEntry{}, err
			}
			if links++; links > maxPolicyLinks || strings.HasPrefix(target, "/") {
				return "", treeEntry{}, fmt.Errorf("%s is a symbolic link that leads out of the repository, to %s", textfile.Quote(next), textfile.Quote(target))
			}
			todo = append(strings.Split(target, "/"), todo...)
			continue
		case len(todo) == 0:
			return next, e, nil
		case e.mode != modeTree:
			return "", treeEntry{}, fs.ErrNotExist
		}
		at = next
	}
}

func (g *gitFiles) link(e treeEntry) (string, error) {
	var b bytes.Buffer
	const longest = 4096 // PATH_MAX of Linux
	if err := g.repo.blob(g.ctx, &b, longest, e.oid); err != nil {
		return "", err
	}
	return b.String(), nil
}

// Place implements [config.Files].
func (g *gitFiles) Place(file string) (string, error) {
	rel, inside := g.inside(file)
	if !inside {
		return file, nil
	}
	name, e, err := g.find(rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: %w in %s", file, fs.ErrNotExist, g.from.Name())
	case err != nil:
		return "", err
	}
	place := filepath.Join(g.dir, filepath.FromSlash(rel))
	if e.mode != modeTree {
		return place, g.copy(file, rel, place, e)
	}
	files := g.below(name, func(string) bool { return true })
	if len(files) > maxPolicyDir {
		return "", fmt.Errorf("%s has %d files in %s, and at most %d are read", file, len(files), g.from.Name(), maxPolicyDir)
	}
	if err := os.MkdirAll(place, 0o700); err != nil {
		return "", err
	}
	for _, f := range files {
		if _, err := g.Place(filepath.Join(file, filepath.FromSlash(f))); err != nil {
			return "", err
		}
	}
	return place, nil
}

// below returns the files below a directory of the commit, sorted, as paths from
// there.
func (g *gitFiles) below(dir string, want func(name string) bool) []string {
	prefix := dir + "/"
	if dir == "." {
		prefix = ""
	}
	var out []string
	for name, e := range g.entries {
		rest, ok := strings.CutPrefix(name, prefix)
		if ok && e.mode != modeTree && e.mode != modeModule && want(rest) {
			out = append(out, rest)
		}
	}
	slices.Sort(out)
	return out
}

// copy writes a file of the commit to the place where it is read.
func (g *gitFiles) copy(file, rel, place string, e treeEntry) error {
	if g.uses(file, rel) {
		return nil
	}
	var b bytes.Buffer
	if err := g.repo.blob(g.ctx, &b, min(maxPolicyFile, g.left), e.oid); err != nil {
		return fmt.Errorf("%s of %s: %w", file, g.from.Name(), err)
	}
	g.left -= int64(b.Len())
	if bytes.HasPrefix(b.Bytes(), []byte("version https://git-lfs.github.com/spec/")) {
		// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
		return &hinted{fmt.Errorf("%s is a pointer of Git LFS in %s, and its content is elsewhere", file, g.from.Name()),
			"check the trusted branch out with its content in another directory, and use --policy DIR"}
	}
	if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(place, b.Bytes(), 0o600); err != nil {
		return err
	}
	g.used[rel] = usedFile{shown: file, place: place, link: g.entries[rel].mode == modeLink}
	return nil
}

// Glob implements [config.Files].
func (g *gitFiles) Glob(dir, pattern string) ([]string, error) {
	rel, inside := g.inside(dir)
	if !inside {
		return globFiles(dir, pattern)
	}
	g.globs = append(g.globs, [2]string{dir, pattern})
	name, e, err := g.find(rel)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case e.mode != modeTree:
		return nil, nil
	}
	var out []string
	for _, f := range g.below(name, func(name string) bool { return matchesPattern(pattern, name) }) {
		out = append(out, filepath.Join(dir, filepath.FromSlash(f)))
	}
	return out, nil
}

// openCommit makes the files of a commit readable, in dir.
func openCommit(ctx context.Context, at policyFiles, ref string) (*gitFiles, error) {
	r, err := openRepo(ctx, at.root)
	if err != nil {
		return nil, err
	}
	commit, err := r.resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	g := &gitFiles{policyFiles: at, ctx: ctx, repo: r, commit: commit, left: maxPolicy}
	g.from.Ref, g.from.Commit = ref, commit
	if head, _, err := r.text(ctx, "rev-parse", "--verify", "HEAD^{commit}"); err == nil {
		g.from.Self = head == commit
	}
	if g.entries, err = r.tree(ctx, commit); err != nil {
		return nil, err
	}
	return g, nil
}
