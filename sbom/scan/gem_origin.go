package scan

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// maxGem is the size of the largest gem that is read. Those with compiled
// libraries have some 10 MB.
const maxGem = 512 << 20

// gemDigest returns the digest of the archive of an installed gem. RubyGems leaves
// it in GEM_HOME/cache (lib/rubygems/installer.rb, cache_file), so that a lock can
// be compared with it. It is a file of the environment, as any record of an
// installer is.
func (s *scanner) gemDigest(home rootfs.Node, full string) []sbom.Digest {
	t := s.tree
	n := t.Child(t.Child(home, "cache"), full+".gem")
	if t.Kind(n) != rootfs.File {
		return nil
	}
	if info, err := t.Stat(n); err != nil || info.Size() > maxGem {
		return nil
	}
	f, err := t.OpenFile(n)
	if err != nil {
		return nil // among the faults of the tree
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxGem)); err != nil {
		s.gap(sbom.GapUnreadable, t.Path(n), reason(err))
		return nil
	}
	return []sbom.Digest{{Algorithm: "sha256", Value: hex.EncodeToString(h.Sum(nil)), File: t.Path(n)}}
}

// maxGitFile is the size of the files of a repository that are read: one line, or
// a configuration of some hundred bytes.
const maxGitFile = 64 << 10

var (
	gitCommit = lazyregexp.New(`\A([0-9a-f]{40}|[0-9a-f]{64})\s*\z`)
	gitRef    = lazyregexp.New(`\Aref: (refs/heads/[A-Za-z0-9._/-]+)\s*\z`)
	gitOrigin = lazyregexp.New(`(?m)^\[remote "origin"\]\n(?:\t[^\n]*\n)*?\turl = ([^\n]+)$`)
)

// checkoutOrigin returns the origin of a checkout of Bundler,
// GEM_HOME/bundler/gems/NAME-COMMIT. Its commit is the one that is checked out
// now, or if the repository is gone the 12 digits in its name. The URL is that of
// the copy that it was made from, GEM_HOME/cache/bundler/git/NAME-DIGEST, if that
// is there (bundler/source/git/git_proxy.rb).
func (s *scanner) checkoutOrigin(dir rootfs.Node, commit string) *sbom.Install {
	t := s.tree
	in := &sbom.Install{Kind: sbom.InstallVCS, Commit: commit, File: t.Path(dir)}
	git := t.Child(dir, ".git")
	if t.Kind(git) != rootfs.Dir {
		return in
	}
	head := s.gitText(t.Child(git, "HEAD"))
	if m := gitRef.FindStringSubmatch(head); m != nil {
		n := git
		for name := range strings.SplitSeq(m[1], "/") {
			n = t.Child(n, name)
		}
		head = s.gitText(n)
	}
	if m := gitCommit.FindStringSubmatch(head); m != nil {
		in.Commit = m[1]
	}
	m := gitOrigin.FindStringSubmatch(s.gitText(t.Child(git, "config")))
	if m == nil {
		return in
	}
	home := t.Parent(t.Parent(t.Parent(dir)))
	copies := t.Child(t.Child(t.Child(home, "cache"), "bundler"), "git")
	base := m[1][strings.LastIndexByte(m[1], '/')+1:]
	if m := gitOrigin.FindStringSubmatch(s.gitText(t.Child(t.Child(copies, base), "config"))); m != nil {
		in.URL = sbom.ScrubURL(m[1])
	}
	return in
}

// gitText returns the content of a file of a repository, empty if there is none.
func (s *scanner) gitText(n rootfs.Node) string {
	if s.tree.Kind(n) != rootfs.File {
		return ""
	}
	data, err := s.tree.ReadFile(n, maxGitFile)
	if err != nil {
		return "" // a fault of the tree, or not what git writes
	}
	return string(data)
}

// isGemOrigin recognizes the files that the functions above open.
func isGemOrigin(dir, name string) bool {
	switch {
	case strings.HasSuffix(name, ".gem"):
		return strings.HasSuffix(dir, "/cache/")
	case strings.Contains(dir, "/cache/bundler/git/"):
		return name == "config"
	case strings.Contains(dir, "/bundler/gems/"):
		return strings.HasSuffix(dir, "/.git/") && (name == "HEAD" || name == "config") || strings.Contains(dir, "/.git/refs/heads/")
	}
	return false
}
