package scan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// A snap is a squashfs file that snapd mounts at snap/NAME/REVISION; the
// revision and not the version identifies it. A mounted snap owns the content of
// its directory, with the Debian packages that a base snap lists and everything
// else in it (counting rule 3). A file that is not mounted counts as well, by its
// name and digest: its content is not listed, which is a notice.
//
// https://snapcraft.io/docs/system-architecture,
// https://snapcraft.io/docs/the-snap-format

// snapMounts are the directories below which snapd mounts snaps: the second one
// is that of distributions without /snap.
var snapMounts = []string{"/snap", "/var/lib/snapd/snap"}

// snapFiles are the directories of installed snaps, and of those that are
// installed when the system starts for the first time.
var snapFiles = []string{"/var/lib/snapd/snaps", "/var/lib/snapd/seed/snaps"}

// extensionDirs are those of systemd-sysext and systemd-confext, whose images
// are mounted over /usr and /etc.
var extensionDirs = []string{"/var/lib/extensions", "/etc/extensions", "/usr/lib/extensions", "/var/lib/confexts", "/usr/lib/confexts"}

// maxSnapYAML is the size of a snap's description. Real ones have some kilobytes.
const maxSnapYAML = 1 << 20

// readSnaps adds the snaps.
func (s *scanner) readSnaps(ctx context.Context) {
	t := s.tree
	known := make(map[string]int) // NAME_REVISION -> unit
	bases := make(map[int]string) // unit -> the base that its programs run on
	named := make(map[string][]int)
	for _, mounts := range snapMounts {
		for name := range t.Children(t.Resolve(mounts)) {
			for dir := range t.Children(name) {
				at := t.Child(t.Child(dir, "meta"), "snap.yaml")
				key := t.Name(name) + "_" + t.Name(dir)
				if t.Kind(dir) != rootfs.Dir || t.Kind(at) != rootfs.File || s.owned(at) || s.storeOf(at) >= 0 {
					continue
				}
				if i, twice := known[key]; twice { // bound to the other directory as well
					s.claimTree(dir, i, nil)
					continue
				}
				u, base := s.mountedSnap(t.Name(name), t.Name(dir), at)
				i := s.addStore(dir, u)
				known[key], bases[i] = i, base
				named[u.Name] = append(named[u.Name], i)
			}
		}
	}
	for _, dir := range snapFiles {
		for n := range t.Children(t.Resolve(dir)) {
			key, ok := strings.CutSuffix(t.Name(n), ".snap")
			if !ok || t.Kind(n) != rootfs.File || s.owned(n) {
				continue
			}
			name, revision, found := cutLast(key, "_")
			if !found || name == "" {
				name, revision = t.Name(n), "" // not named by snapd
			}
			if i, mounted := known[key]; mounted {
				s.claim(n, i)
				continue
			}
			i := s.snapFile(ctx, n, name, revision)
			known[key] = i
			named[name] = append(named[name], i)
		}
	}
	for i, base := range bases {
		for _, to := range named[base] {
			s.needs = append(s.needs, need{i, to})
		}
	}
	for _, dir := range extensionDirs {
		for n := range t.Children(t.Resolve(dir)) {
			if t.Kind(n) == rootfs.File && strings.HasSuffix(t.Name(n), ".raw") && !s.owned(n) {
				s.gap(sbom.GapUnreported, t.Path(n), "an image of a system extension, which is mounted over the system: its content is not read")
			}
		}
	}
}

// mountedSnap returns the unit of a snap by its description, and the name of its
// base.
func (s *scanner) mountedSnap(name, revision string, at rootfs.Node) (u unit, base string) {
	t := s.tree
	s.read[at] = true
	u = unit{node: at, inside: -1, own: true, Component: sbom.Component{
		Kind: sbom.KindPackage, Type: "snap", Name: name, Version: revision, Paths: []string{t.Path(at)}, FoundBy: "snap-reader",
	}}
	data, err := t.ReadFile(at, maxSnapYAML)
	if err != nil {
		s.gap(sbom.GapMalformed, t.Path(at), "the snap's description cannot be read: "+reason(err))
		return u, ""
	}
	version, kind := topLevel(string(data), "version"), topLevel(string(data), "type")
	if version != "" {
		u.Detail = fmt.Sprintf("version %.80q", version)
	}
	if kind != "" && kind != "app" {
		u.Detail = strings.TrimPrefix(fmt.Sprintf("%s, type %.40q", u.Detail, kind), ", ")
	}
	return u, topLevel(string(data), "base")
}

// snapFile adds a snap that is not mounted.
func (s *scanner) snapFile(ctx context.Context, n rootfs.Node, name, revision string) int {
	t := s.tree
	u := unit{node: n, inside: -1, own: true, Component: sbom.Component{
		Kind: sbom.KindPackage, Type: "snap", Name: name, Version: revision, Paths: []string{t.Path(n)}, FoundBy: "snap-reader",
		Detail: "a file that is not mounted: packages in it are not listed",
	}}
	if digest, err := s.digestOf(ctx, n); err != nil {
		s.gap(sbom.GapUnreadable, t.Path(n), "the snap cannot be read: "+reason(err))
	} else {
		u.Digests = []sbom.Digest{{Algorithm: "sha256", Value: digest, Proved: true, File: t.Path(n)}}
	}
	s.notice(sbom.NoticeSystem, t.Path(n), fmt.Sprintf("the snap %.80q is not mounted: packages in it are not listed", name))
	i := s.add(u)
	s.claim(n, i)
	return i
}

// digestOf returns the SHA-256 of a file.
func (s *scanner) digestOf(ctx context.Context, n rootfs.Node) (string, error) {
	file, err := s.tree.OpenFile(n)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &untilDone{ctx, file}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// untilDone ends reading when the context ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// topLevel returns the plain or quoted value of a key at the top of a YAML
// document, "" when there is none of that form.
func topLevel(text, key string) string {
	for line := range strings.SplitSeq(text, "\n") {
		rest, ok := strings.CutPrefix(line, key+":")
		if !ok {
			continue
		}
		rest, _, _ = strings.Cut(rest, " #")
		rest = strings.TrimSpace(rest)
		for _, quote := range []string{`"`, "'"} {
			if inner, ok := strings.CutPrefix(rest, quote); ok {
				inner, _, _ = strings.Cut(inner, quote)
				return inner
			}
		}
		return rest
	}
	return ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
