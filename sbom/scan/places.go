package scan

import (
	"cmp"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/rootfs"
	"github.com/depaudit/depaudit/sbom/wording"
)

// Some files need no package and no execute bit to change what a stage does: the
// system, a shell, an interpreter or a build tool reads them unasked, because of
// their place. The tables of places_startup.go, places_redirect.go and
// places_privilege.go list these places. Each file there that no package accounts
// for, and each configuration file of a package that was edited, becomes a notice
// with the digest of its content, so that a baseline can accept exactly this
// content.
//
// An honest environment has few such files, and the same in each build. Three
// rules see to that: a file of a package gives no notice (its content is
// compared with the package elsewhere), neither does an unchanged copy of a
// template that a package owns (/etc/profile of Debian), and of files that
// many programs write, such as /etc/passwd, only the statements count that have
// an effect of the kind.

// place is one kind of file that is read unasked.
type place struct {
	kind sbom.NoticeKind
	// at are patterns, separated by blanks. A pattern is an absolute path in
	// which "*" is any part of a name and "{a,b}" are alternatives; "~" is a home
	// directory, and "**" at the start any directory.
	at string
	// words complete a sentence that starts with the file: what reads it, and
	// when.
	words string
	// source is the document that states it: a manual page, or an address.
	source string
	// read returns the statements of the file that are of the kind. A place
	// without it is about the file as a whole.
	read reader
	// shell is set when the file is a script of a shell, which is taken as a whole
	// with the variables that it sets.
	shell bool
	// enables is set where links are made to choose among the files of packages,
	// as "systemctl enable" does: such a link to a package's file is none.
	enables bool
	// templates are files that an installation copies to the place, separated by
	// blanks; a file of a home directory has one in /etc/skel too.
	templates string
}

// reader returns the statements of a file that matter. Data is the whole
// content.
type reader func(s *scanner, n rootfs.Node, data []byte) []statement

// statement is a part of a file that has an effect.
type statement struct {
	kind  sbom.NoticeKind // empty for that of the place
	words string          // what it does, for people
	text  string          // what a reviewer accepts: the digest is made of it
	file  string          // a file that it makes run or loads, empty for none
}

const (
	// maxPlace is the maximum size of a file whose statements are read. The
	// largest in practice are certificate bundles of 300 kB and sets of hosts
	// that block advertisements, of 5 MB.
	maxPlace = 16 << 20
	// maxPlaceWhole is the maximum size of a file that is only hashed. systemd's
	// generators are programs of some hundred kilobytes.
	maxPlaceWhole = 256 << 20
	// maxSaid is the number of statements that the detail of a notice names.
	maxSaid = 4
)

// places returns all tables.
func places() []place {
	return slices.Concat(startupPlaces(), servicePlaces(), redirectPlaces(), privilegePlaces())
}

// unasked is what the scan knows of the files at places.
type unasked struct {
	homes []rootfs.Node
	// kinds has every file at a place, whether a package owns it or not.
	kinds map[rootfs.Node]sbom.NoticeKind
	// told are the files that a notice is about.
	told map[rootfs.Node]bool
	// authorities are those of [scanner.packagedAuthorities].
	authorities map[[sha256.Size]byte]bool
}

// findPlaces adds the notices of all places.
func (s *scanner) findPlaces() {
	s.unasked = unasked{homes: s.homes(), kinds: make(map[rootfs.Node]sbom.NoticeKind), told: make(map[rootfs.Node]bool)}
	for _, p := range places() {
		seen := make(map[rootfs.Node]bool)
		for _, pattern := range strings.Fields(p.at) {
			for _, alternative := range alternatives(pattern) {
				for _, n := range s.atPlace(alternative) {
					if seen[n] || s.tree.Kind(n) == rootfs.Dir || s.tree.Kind(n) == rootfs.Other {
						continue
					}
					seen[n] = true
					s.examinePlace(&p, alternative, n)
				}
			}
		}
	}
	s.imageVariables()
	s.rights()
}

// alternatives expands "{a,b}" in a pattern.
func alternatives(pattern string) []string {
	before, rest, ok := strings.Cut(pattern, "{")
	if !ok {
		return []string{pattern}
	}
	list, after, _ := strings.Cut(rest, "}")
	var out []string
	for a := range strings.SplitSeq(list, ",") {
		out = append(out, alternatives(before+a+after)...)
	}
	return out
}

// atPlace returns the nodes of a pattern without alternatives. Links of
// directories are followed; a link at the end is returned itself.
func (s *scanner) atPlace(pattern string) []rootfs.Node {
	t := s.tree
	var dirs []rootfs.Node
	switch {
	case strings.HasPrefix(pattern, "**/"):
		pattern = pattern[len("**/"):]
		first, rest, below := strings.Cut(pattern, "/")
		for n := range s.nodesNamed(first) {
			if s.caches.contain(n) || s.isPackaged(n) {
				continue
			}
			if dirs = append(dirs, n); below {
				dirs[len(dirs)-1] = t.ResolveNode(n)
			}
		}
		if !below {
			return dirs
		}
		pattern = rest
	case strings.HasPrefix(pattern, "~/"):
		dirs, pattern = slices.Clone(s.unasked.homes), pattern[len("~/"):]
	default:
		dirs, pattern = []rootfs.Node{t.Resolve("/")}, pattern[1:]
	}
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		var next []rootfs.Node
		for _, dir := range dirs {
			if dir == rootfs.None || t.Kind(dir) != rootfs.Dir {
				continue
			}
			if !strings.Contains(part, "*") {
				if n := t.Child(dir, part); n != rootfs.None {
					next = append(next, n)
				}
				continue
			}
			for n := range t.Children(dir) {
				if ok, _ := path.Match(part, t.Name(n)); ok {
					next = append(next, n)
				}
			}
		}
		if i < len(parts)-1 {
			for k, n := range next {
				next[k] = t.ResolveNode(n)
			}
		}
		dirs = next
	}
	return dirs
}

// nodesNamed returns the nodes of a name, in which "*" is any part.
func (s *scanner) nodesNamed(pattern string) iter.Seq[rootfs.Node] {
	prefix, _, wild := strings.Cut(pattern, "*")
	if !wild {
		return s.tree.Named(pattern)
	}
	return func(yield func(rootfs.Node) bool) {
		for n := rootfs.Node(0); int(n) < s.tree.Len(); n++ {
			name := s.tree.Name(n)
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			if ok, _ := path.Match(pattern, name); ok && !yield(n) {
				return
			}
		}
	}
}

// isPackaged reports whether a file is in a directory of packages, where a
// package is judged by its own files: npm packages contain settings of their
// authors, which nothing reads.
func (s *inventory) isPackaged(n rootfs.Node) bool {
	if c := s.claimant(n); c >= 0 && s.units[c].Kind != sbom.KindFiles {
		return true
	}
	for p := s.tree.Parent(n); p != rootfs.None; p = s.tree.Parent(p) {
		if name := s.tree.Name(p); name == "node_modules" || isSiteDir(name) {
			return true
		}
	}
	return false
}

// homes returns the home directories: those of /home and root, those that
// /etc/passwd names apart from directories of the system, and the one that new
// homes are copied from.
func (s *scanner) homes() []rootfs.Node {
	t := s.tree
	var out []rootfs.Node
	add := func(n rootfs.Node) {
		if n != rootfs.None && t.Kind(n) == rootfs.Dir && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	add(t.Resolve("/root"))
	add(t.Resolve("/etc/skel"))
	if home := t.Resolve("/home"); home != rootfs.None && t.Kind(home) == rootfs.Dir {
		for n := range t.Children(home) {
			add(t.ResolveNode(n))
		}
	}
	var data []byte
	if n := t.Resolve("/etc/passwd"); n != rootfs.None && t.Kind(n) == rootfs.File {
		data, _ = t.ReadFile(n, maxPlace) // its own place has the gap
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) >= 6 && strings.HasPrefix(fields[5], "/") {
			// Where home directories are: not the root, and not /bin or
			// /usr/sbin, which accounts of the system have.
			if dir := path.Clean(fields[5]); !isSystemDir(dir) {
				add(t.Resolve(dir))
			}
		}
	}
	slices.Sort(out)
	return out
}

func isSystemDir(dir string) bool {
	switch dir {
	case "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/opt", "/proc", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/games", "/usr/lib", "/usr/sbin", "/usr/local", "/var", "/var/cache", "/var/lib", "/var/run", "/var/tmp", "/var/log", "/nonexistent":
		return true
	}
	return false
}

// examinePlace adds the notices of one file.
func (s *scanner) examinePlace(p *place, pattern string, n rootfs.Node) {
	t := s.tree
	if len(s.own) > 0 && s.own[n] || s.caches.contain(n) || s.isPAMBackup(n) {
		return
	}
	file, link := n, ""
	if t.Kind(n) == rootfs.Symlink {
		link = t.Target(n)
		if file = t.ResolveNode(n); file == rootfs.None || t.Kind(file) != rootfs.File {
			s.emptyPlace(p, n, file)
			return
		}
	}
	for _, m := range []rootfs.Node{n, file} {
		if _, known := s.unasked.kinds[m]; !known {
			s.unasked.kinds[m] = p.kind
		}
	}
	edited := false
	switch {
	case s.owned(file):
		if edited = s.isEdited(file); edited {
			break
		}
		if link == "" || s.owned(n) || p.enables || p.read != nil || p.kind != sbom.NoticeStartup {
			return
		}
		// A link that makes a package's file run where it is not meant to.
		s.tellAt(n, sbom.Notice{Kind: p.kind, Detail: p.words + fmt.Sprintf("; the link leads to %+q", t.Path(file)), Digest: digestOf("link:" + link)})
		return
	case s.isPackaged(file), s.isTemplate(p, pattern, file):
		return
	}
	found := []statement{{}}
	var digest string
	read := p.read
	if p.shell {
		read = readShell
	}
	if read != nil {
		data, err := t.ReadFile(file, maxPlace)
		if err != nil {
			s.placeGap(file, err)
			return
		}
		found = read(s, file, data)
	} else {
		sum, size, err := s.contentDigest(file)
		if err != nil {
			s.placeGap(file, err)
			return
		}
		if size == 0 {
			return // nothing can come of it
		}
		digest = sum
	}
	if link != "" && digest != "" {
		digest = digestOf("link:" + link + "\x00" + digest)
	}
	for _, kind := range []sbom.NoticeKind{sbom.NoticeStartup, sbom.NoticeRedirect, sbom.NoticePrivilege} {
		var words, texts []string
		for _, st := range found {
			if k := st.kind; k != kind && (k != "" || p.kind != kind) {
				continue
			}
			texts = append(texts, st.text)
			said := cmp.Or(st.words, p.words)
			if len(words) < maxSaid && !slices.Contains(words, said) {
				words = append(words, said)
			}
			s.namedFile(kind, st.file, n)
		}
		if len(texts) == 0 {
			continue
		}
		detail := strings.Join(words, "; ")
		if more := len(texts) - len(words); more > 0 {
			detail += fmt.Sprintf("; %s more", wording.Count(more, "statement", "statements"))
		}
		if edited {
			detail += "; the file was edited after its package was installed"
		}
		sum := digest
		if sum == "" {
			sum = digestOf(strings.Join(texts, "\n"))
		}
		s.unasked.told[file] = true
		s.tellAt(n, sbom.Notice{Kind: kind, Detail: detail, Digest: sum})
	}
}

// pamBackups are the ends of names under which pam-auth-update, dpkg and ucf keep
// the other version of a file (pam-auth-update(8), dpkg(1), ucf(1)).
var pamBackups = []string{".pam-old", ".dpkg-old", ".dpkg-dist", ".dpkg-new", ".dpkg-bak", ".ucf-old", ".ucf-dist", ".ucf-new"}

// isPAMBackup reports whether a file is the other version of one beside it in
// pam.d. PAM reads a file there by the name of a service, and no service has such
// a name; a file that includes it is another one than its package's.
func (s *scanner) isPAMBackup(n rootfs.Node) bool {
	t := s.tree
	dir, name := t.Parent(n), t.Name(n)
	return t.Name(dir) == "pam.d" && t.Kind(n) == rootfs.File && slices.ContainsFunc(pamBackups, func(end string) bool {
		of, ok := strings.CutSuffix(name, end)
		return ok && t.Child(dir, of) != rootfs.None
	})
}

// emptyPlace handles a link that leads to no file. Only that of a startup place
// matters: a file may appear at its end. /dev/null masks a unit, and what is in
// /run is made at every start.
func (s *scanner) emptyPlace(p *place, n, end rootfs.Node) {
	to, _ := within(s.tree.Path(s.tree.Parent(n)), s.tree.Target(n), "/")
	if end != rootfs.None || s.owned(n) || p.read != nil || p.kind != sbom.NoticeStartup || isEphemeral(to) || p.enables {
		return
	}
	s.tellAt(n, sbom.Notice{Kind: p.kind, Detail: p.words + fmt.Sprintf("; the link leads to %+q, which is not there", to), Digest: digestOf("link:" + to)})
}

func isEphemeral(p string) bool {
	for _, dir := range []string{"/dev", "/proc", "/sys", "/run", "/var/run"} {
		if p == dir || strings.HasPrefix(p, dir+"/") {
			return true
		}
	}
	return false
}

// namedFile adds a notice of a file that a statement makes run, unless a package
// accounts for it.
func (s *scanner) namedFile(kind sbom.NoticeKind, name string, by rootfs.Node) {
	if name == "" || isEphemeral(name) {
		return
	}
	n := s.tree.Resolve(name)
	if n == rootfs.None || s.tree.Kind(n) != rootfs.File || s.owned(n) && !s.isEdited(n) || s.isPackaged(n) || s.unasked.told[n] {
		return
	}
	if _, known := s.unasked.kinds[n]; !known {
		s.unasked.kinds[n] = kind
	}
	sum, _, err := s.contentDigest(n)
	var notKept *rootfs.NotKeptError
	switch {
	case errors.As(err, &notKept):
		sum = ""
	case err != nil:
		s.placeGap(n, err)
		return
	}
	source := "the image's configuration"
	if by != rootfs.None {
		source = s.tree.Path(by)
	}
	s.tellAt(n, sbom.Notice{Kind: kind, Detail: fmt.Sprintf("%s makes programs run or load it", source), Digest: sum})
}

func (s *scanner) tell(n sbom.Notice) { s.doc.Notices = append(s.doc.Notices, n) }

// tellAt adds a notice about a node.
func (s *scanner) tellAt(n rootfs.Node, notice sbom.Notice) {
	notice.Path = s.tree.Path(n)
	s.unasked.told[n] = true
	s.tell(notice)
}

func (s *scanner) placeGap(n rootfs.Node, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		return // removed during the scan
	}
	kind := sbom.GapUnreadable
	s.gap(kind, s.tree.Path(n), reason(err))
}

// isEdited reports whether a file is a configuration file that differs from the
// one of its package. An error is a difference: the file is read again, and a gap.
func (s *scanner) isEdited(n rootfs.Node) bool {
	sum, ok := s.db.Conffile(s.tree.Path(n))
	if !ok {
		return false
	}
	f, err := s.tree.OpenFile(n)
	if err != nil {
		return true
	}
	defer f.Close()
	h := md5.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxPlaceWhole)); err != nil {
		return true
	}
	return hex.EncodeToString(h.Sum(nil)) != sum
}

// contentDigest returns "sha256:" and the digest of a file, with its size.
func (s *scanner) contentDigest(n rootfs.Node) (string, int64, error) {
	f, err := s.tree.OpenFile(n)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, io.LimitReader(f, maxPlaceWhole+1))
	if err != nil {
		return "", 0, err
	}
	if size > maxPlaceWhole {
		return "", 0, &rootfs.LimitError{Path: s.tree.Path(n), Limit: maxPlaceWhole}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), size, nil
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// isTemplate reports whether a file is an unchanged copy of a file that a
// package owns and that its installation copies to this place.
func (s *scanner) isTemplate(p *place, pattern string, n rootfs.Node) bool {
	t := s.tree
	candidates := strings.Fields(p.templates)
	if rest, ok := strings.CutPrefix(pattern, "~/"); ok {
		candidates = append(candidates, "/etc/skel/"+rest)
	}
	for _, c := range candidates {
		if pattern, file, of := strings.Cut(c, "="); of {
			if pattern != t.Path(n) {
				continue
			}
			c = file
		}
		from := t.Resolve(c)
		if from == rootfs.None || from == n || t.Kind(from) != rootfs.File || !s.owned(from) || s.isEdited(from) {
			continue
		}
		a, _, errA := s.contentDigest(n)
		b, _, errB := s.contentDigest(from)
		if errA == nil && errB == nil && a == b {
			return true
		}
	}
	return false
}

// placeNames recognises the paths of an image whose content a scan may read
// because of their place. Package layer calls it for each file, so that it
// looks up the name, or that of the directory, before it matches.
type placeNames struct {
	names map[string][]string // base name -> patterns
	dirs  map[string][]string // name of the directory of "*", or of the one above it and "/*" -> patterns
	other []string
}

func newPlaceNames() *placeNames {
	out := &placeNames{names: make(map[string][]string), dirs: make(map[string][]string)}
	add := func(pattern string) {
		for _, a := range alternatives(pattern) {
			a = strings.TrimPrefix(strings.TrimPrefix(a, "**"), "~")
			dir, name := path.Split(a)
			dir = path.Base(dir)
			switch {
			case !strings.Contains(name, "*"):
				out.names[name] = append(out.names[name], a)
			case !strings.Contains(dir, "*") && dir != "/":
				out.dirs[dir] = append(out.dirs[dir], a)
			default:
				above := path.Base(path.Dir(path.Dir(a)))
				if strings.Contains(above, "*") || above == "/" {
					out.other = append(out.other, a)
					continue
				}
				out.dirs[above+"/*"] = append(out.dirs[above+"/*"], a)
			}
		}
	}
	add("/etc/hostname") // for /etc/hosts
	for _, p := range places() {
		for _, pattern := range strings.Fields(p.at) {
			add(pattern)
		}
		for _, template := range strings.Fields(p.templates) {
			if _, file, ok := strings.Cut(template, "="); ok {
				template = file
			}
			add(template)
		}
	}
	return out
}

// match compares the end of a path with the patterns: a link may lead to a place.
func (x *placeNames) match(p string) bool {
	dir, name := path.Split(p)
	parent := path.Base(dir)
	above := path.Base(path.Dir(path.Dir(p)))
	for _, list := range [][]string{x.names[name], x.dirs[parent], x.dirs[above+"/*"], x.other} {
		for _, pattern := range list {
			if endsLike(pattern, p) {
				return true
			}
		}
	}
	return false
}

// endsLike reports whether the last names of a path match a pattern that starts
// with a slash.
func endsLike(pattern, p string) bool {
	cut := len(p)
	for range strings.Count(pattern, "/") {
		if cut = strings.LastIndexByte(p[:cut], '/'); cut < 0 {
			return false
		}
	}
	ok, _ := path.Match(pattern, p[cut:])
	return ok
}
