// Package jar reads Java archives: the artifacts that an archive is, contains
// and bundles (https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html).
//
// An archive's identity is, in this order: the pom.properties or the pom.xml
// that Maven puts into it, the manifest, the name of the file. The rules by
// which several of these are chosen from are those of syft's archive
// cataloger, which the scan is compared with.
//
// Bundled archives that are stored, as those of Spring Boot are, are read in
// place; compressed ones are unpacked into a temporary file. What an archive may
// cost is in budget.go.
package jar

import (
	"archive/zip"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/zipfile"
)

const (
	// maxManifest is the size of a manifest that is read. That of a signed
	// archive with 20,000 classes has 3 MB.
	maxManifest = 16 << 20
	// maxPom is the size of a pom.xml. The largest lists of dependencies have
	// 300 KB.
	maxPom = 4 << 20
	// maxPropertiesFile is the size of a pom.properties, which has three lines.
	maxPropertiesFile = 64 << 10
	// maxDepth is the number of archives in one another: a class path in a web
	// application in an enterprise application makes 3.
	maxDepth = 8
	// maxBundled is the number of bytes of one bundled archive, unpacked.
	maxBundled = 2 << 30
	// maxPoms is the number of poms of one archive. A shaded one has 500.
	maxPoms = 1 << 14
)

// Properties are the groupId, artifactId and version of a pom.properties file.
type Properties struct{ Group, Artifact, Version string }

// Artifact is one Java library.
type Artifact struct {
	Name, Version string
	// Within is the way to it from the outermost archive, empty when it is that
	// archive: ":lib/x.jar", and ":group:name" for a library that is merged into it.
	Within     string
	SHA1       string // of its archive, empty when it is merged into one
	SHA256     string // of the outermost archive, empty for any other
	manifest   *Manifest
	properties *Properties
	pom        *Pom
	group      string
}

// Group returns the group of an artifact: from its pom, from the list of
// artifacts whose group is known, from its manifest. It is empty when nothing
// has one.
func (a *Artifact) Group() string { return a.group }

// settle keeps the group of an artifact and drops what it was found in, which is
// much larger.
func (a *Artifact) settle() {
	a.group = a.findGroup()
	a.manifest, a.properties, a.pom = nil, nil, nil
}

// Archive is an archive's content and name.
type Archive struct {
	Name   string // a path; only its last element matters
	Reader io.ReaderAt
	Size   int64
}

// Read returns the artifacts of an archive. With an error come the ones that
// could be read.
func Read(a Archive, s *Scan) ([]Artifact, error) {
	b := newBudget(s, a.Size)
	defer b.end()
	return read(a, "", 0, b)
}

// ReadBundled returns the artifacts of the archives in a zip file that is not
// an archive itself.
func ReadBundled(a Archive, s *Scan) ([]Artifact, error) {
	b := newBudget(s, a.Size)
	defer b.end()
	z, _, err := zipfile.Open(a.Reader, a.Size, b.directories)
	if err != nil {
		return nil, fmt.Errorf("zip file: %w", err)
	}
	return bundled(a, z, "", 0, b)
}

// extensions are those of archives.
var extensions = map[string]bool{
	".jar": true, ".war": true, ".ear": true, ".par": true, ".sar": true, ".nar": true, ".jpi": true, ".hpi": true,
	".kar": true, ".far": true,
	".lpkg": true, // Liferay's packages
	".rar":  true, // resource adapters, not the compression
	".zap":  true, // add-ons of ZAP
}

func read(a Archive, within string, depth int, b *budget) ([]Artifact, error) {
	z, directory, err := zipfile.Open(a.Reader, a.Size, b.directories)
	if errors.Is(err, zipfile.ErrLimit) {
		return nil, b.over(fmt.Errorf("the directories of an archive and those around it have more than the limit of %d bytes", maxDirectories))
	}
	if err != nil {
		return nil, fmt.Errorf("java archive: %w", err)
	}
	b.directories -= directory
	defer func() { b.directories += directory }()
	b.archives++
	if err := b.spend(perArchive + perEntry*directory + perName*int64(len(within))); err != nil {
		return nil, err
	}
	r := &reader{Archive: a, zip: z, within: within, file: parseFileName(a.Name), budget: b}
	r.properties, r.poms = sync.OnceValues(r.readProperties), sync.OnceValues(r.readPoms)
	main, err := r.main()
	if err != nil {
		return nil, err
	}
	var out []Artifact
	if main != nil {
		merged, err := r.merged(main)
		main.settle()
		out = append([]Artifact{*main}, merged...)
		if err != nil {
			return out, err
		}
	}
	nested, err := bundled(a, z, within, depth, b)
	out = append(out, nested...)
	if len(out) == 0 && err == nil {
		err = errors.New("no package in the Java archive")
	}
	return out, err
}

// bundled reads the archives in an archive. One that cannot be read is
// skipped: it is content of the outer one, which counts. One that is over a
// limit is an error.
func bundled(a Archive, z *zip.Reader, within string, depth int, b *budget) ([]Artifact, error) {
	var out []Artifact
	var lost error
	for _, f := range sorted(z.File) {
		if !extensions[path.Ext(f.Name)] || f.FileInfo().IsDir() {
			continue
		}
		if b.spent != nil {
			return out, b.spent
		}
		if depth >= maxDepth {
			lost = limitError{fmt.Errorf("more than %d archives in one another", maxDepth)}
			break
		}
		found, err := func() ([]Artifact, error) {
			inner, done, err := open(a, f, b)
			if err != nil {
				return nil, err
			}
			defer done()
			return read(inner, within+":"+f.Name, depth+1, b)
		}()
		if lost == nil && IsLimit(err) {
			lost = err
		}
		out = append(out, found...)
	}
	return out, lost
}

// open gives access to an archive in an archive.
func open(a Archive, f *zip.File, b *budget) (Archive, func(), error) {
	if f.Method == zip.Store && f.Flags&1 == 0 {
		at, err := f.DataOffset()
		size := int64(f.CompressedSize64)
		if err == nil && size >= 0 && size <= a.Size && at <= a.Size-size {
			return Archive{f.Name, io.NewSectionReader(a.Reader, at, size), size}, func() {}, nil
		}
	}
	r, err := f.Open()
	if err != nil {
		return Archive{}, nil, err
	}
	defer r.Close()
	left := min(maxBundled, b.work, MaxTemporary-b.scan.written)
	if left <= 0 {
		return Archive{}, nil, errTemporary
	}
	tmp, err := os.CreateTemp("", "depaudit-archive-")
	if err != nil {
		return Archive{}, nil, limitError{err}
	}
	done := func() {
		tmp.Close()
		os.Remove(tmp.Name()) // the directory is the scan's own, and removed with it
	}
	n, err := io.Copy(tmp, io.LimitReader(r, left+1))
	b.scan.written += n
	if spent := b.spend(n); spent != nil {
		err = spent
	}
	if fault := (*fs.PathError)(nil); errors.As(err, &fault) {
		err = limitError{fmt.Errorf("cannot write to the temporary directory: %w", fault.Err)}
	}
	switch {
	case err != nil:
	case n > maxBundled:
		err = limitError{fmt.Errorf("an archive in it is larger than the limit of %d bytes", int64(maxBundled))}
	case n > left:
		err = errTemporary
	}
	if err != nil {
		done()
		return Archive{}, nil, err
	}
	return Archive{f.Name, tmp, n}, done, nil
}

func sorted(files []*zip.File) []*zip.File {
	return slices.SortedStableFunc(slices.Values(files), func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
}

type reader struct {
	Archive
	zip    *zip.Reader
	within string
	file   fileName
	budget *budget
	// Both are read once and needed twice.
	properties func() (map[string]Properties, error)
	poms       func() (map[string]*Pom, error)
}

// entries returns the files that a function accepts, by name, each once: of
// two with the same name, the last is the one that a class loader sees.
func (r *reader) entries(accept func(name string) bool) []*zip.File {
	var out []*zip.File
	for _, f := range sorted(r.zip.File) {
		if f.FileInfo().IsDir() || !accept(strings.TrimPrefix(f.Name, "/")) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Name == f.Name {
			out[n-1] = f
			continue
		}
		out = append(out, f)
	}
	return out
}

// text reads an entry of at most limit bytes.
func (r *reader) text(f *zip.File, limit int64) ([]byte, error) {
	content, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content, limit+1))
	if spent := r.budget.read(int64(len(data))); spent != nil {
		return nil, spent
	}
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, limitError{fmt.Errorf("%q is larger than the limit of %d bytes", f.Name, limit)}
	}
	return data, nil
}

// main returns the artifact that the archive is, nil without a manifest.
func (r *reader) main() (*Artifact, error) {
	manifests := r.entries(func(name string) bool { return name == "META-INF/MANIFEST.MF" })
	switch {
	case len(manifests) > 1:
		return nil, errors.New("several manifests in a Java archive")
	case len(manifests) == 0:
		return nil, nil
	}
	data, err := r.text(manifests[0], maxManifest)
	if err != nil {
		return nil, fmt.Errorf("the manifest of a Java archive: %w", err)
	}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, limitError{err}
	}
	if _, ok := m.value("Weave-Classes"); ok {
		return nil, nil // instrumentation that has the manifest of what it instruments
	}
	if err := r.budget.spend(r.Size); err != nil {
		return nil, err
	}
	sum, strong := sha1.New(), sha256.New()
	var to io.Writer = sum
	if r.within == "" {
		to = io.MultiWriter(sum, strong)
	}
	if _, err := io.Copy(to, io.NewSectionReader(r.Reader, 0, r.Size)); err != nil {
		return nil, err
	}
	properties, err := r.properties()
	if err != nil {
		properties = nil
	}
	poms, err := r.poms()
	if err != nil {
		poms = nil
	}
	id, pom := r.choose(properties, poms)
	a := &Artifact{Name: id.Artifact, Version: id.Version, Within: r.within, SHA1: hex.EncodeToString(sum.Sum(nil)), manifest: m, pom: pom}
	if r.within == "" {
		a.SHA256 = hex.EncodeToString(strong.Sum(nil))
	}
	if a.Name == "" {
		a.Name = m.name(r.file)
	}
	if a.Version == "" {
		a.Version = m.version(r.file)
	}
	if a.Version == "" && m.Get("Main-Class") != "" {
		a.Version = r.propertiesVersion()
	}
	return a, nil
}

// choose returns the identity that the poms of an archive give it: of the one
// whose artifact has the name of the file.
func (r *reader) choose(properties map[string]Properties, poms map[string]*Pom) (Properties, *Pom) {
	exact := make(map[string]bool)
	for _, p := range properties {
		exact[p.Artifact] = true
	}
	named := func(p Properties) bool {
		switch {
		case p.Artifact == "" || r.file.name == "":
			return false
		case exact[r.file.name]:
			return p.Artifact == r.file.name
		}
		return strings.HasPrefix(p.Artifact, r.file.name) || strings.HasSuffix(r.file.name, p.Artifact)
	}
	best := func(p Properties, pom *Pom) bool {
		return pom != nil && (strings.Contains(r.file.name, p.Group) || r.file.name == p.Artifact)
	}
	var id Properties
	var pom *Pom
	for _, dir := range keys(properties) {
		p, q := properties[dir], poms[dir]
		switch {
		case !named(p):
			continue
		case id.Artifact == "":
			id = p
			if q != nil {
				pom = q
			}
		case q != nil && (pom == nil || best(p, q)):
			id, pom = p, q
		}
		if best(p, pom) {
			break
		}
	}
	if len(properties) == 0 && len(poms) == 1 {
		for _, q := range poms {
			pom = q
		}
	}
	if pom != nil {
		group, name, version := pom.ID()
		id = Properties{or(id.Group, group), or(id.Artifact, name), or(id.Version, version)}
	}
	return id, pom
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func keys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// merged returns the artifacts that are merged into an archive: of each
// pom.properties file that is not the archive's own. That one completes main.
func (r *reader) merged(main *Artifact) ([]Artifact, error) {
	properties, err := r.properties()
	if err != nil {
		return nil, err
	}
	poms, err := r.poms()
	if err != nil {
		return nil, err
	}
	var out []Artifact
	group := main.findGroup()
	for _, dir := range keys(properties) {
		p := properties[dir]
		a := Artifact{Name: p.Artifact, Version: p.Version, Within: r.within, properties: &p, pom: poms[dir]}
		if group != p.Group || main.Name != p.Artifact || main.Version != p.Version {
			a.Within += ":" + p.Group + ":" + p.Artifact
		}
		if a.Within == main.Within || a.findGroup() == group && a.Name == main.Name && a.Version == main.Version ||
			p.Artifact == main.Name {
			main.Name, main.Version = a.Name, a.Version
			if main.properties == nil {
				main.properties = &p
			}
			group = main.findGroup()
			continue
		}
		if err := r.budget.spend(perName * int64(len(a.Within))); err != nil {
			return out, err
		}
		a.settle()
		out = append(out, a)
	}
	return out, nil
}

// readProperties returns the complete pom.properties files by their directories.
func (r *reader) readProperties() (map[string]Properties, error) {
	out := make(map[string]Properties)
	for i, f := range r.entries(func(name string) bool { return strings.HasSuffix(name, "pom.properties") }) {
		if i >= maxPoms {
			return nil, limitError{fmt.Errorf("more than %d poms", maxPoms)}
		}
		data, err := r.text(f, maxPropertiesFile)
		if err != nil {
			return nil, err
		}
		if p, ok := ParseProperties(data); ok && p.Version != "" && p.Artifact != "" {
			out[path.Dir(f.Name)] = p
		}
	}
	return out, nil
}

func (r *reader) readPoms() (map[string]*Pom, error) {
	out := make(map[string]*Pom)
	for i, f := range r.entries(func(name string) bool { return strings.HasSuffix(name, "pom.xml") }) {
		if i >= maxPoms {
			return nil, limitError{fmt.Errorf("more than %d poms", maxPoms)}
		}
		data, err := r.text(f, maxPom)
		if err != nil {
			return nil, err
		}
		if p, err := ParsePom(data); err == nil {
			out[path.Dir(f.Name)] = p
		}
	}
	return out, nil
}

// ParseProperties parses a pom.properties file. It reports false for a line
// that is no property.
func ParseProperties(data []byte) (Properties, bool) {
	var p Properties
	for line := range bytes.Lines(data) {
		line := strings.TrimRight(string(line), "\r\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(strings.TrimLeft(line, " "), "#") {
			continue
		}
		i := strings.IndexAny(line, "=:")
		if i < 0 {
			return p, false
		}
		value := strings.TrimSpace(line[i+1:])
		switch key := strings.TrimSpace(line[:i]); {
		case strings.EqualFold(key, "groupId"):
			p.Group = value
		case strings.EqualFold(key, "artifactId"):
			p.Artifact = value
		case strings.EqualFold(key, "version"):
			p.Version = value
		}
	}
	return p, true
}

var releaseVersion = lazyregexp.New(`^v?(\d[0-9A-Za-z.\-_+]*)$`)

// propertiesVersion returns the version in version.properties, which
// applications that no Maven built have at their root.
func (r *reader) propertiesVersion() string {
	files := r.entries(func(name string) bool { return strings.EqualFold(name, "version.properties") })
	if len(files) != 1 {
		return ""
	}
	data, err := r.text(files[0], maxPropertiesFile)
	if err != nil {
		return ""
	}
	values := make(map[string]string)
	for line := range bytes.Lines(data) {
		if k, v, ok := strings.Cut(string(line), "="); ok {
			values[strings.ToLower(strings.TrimSpace(k))] = strings.TrimSpace(v)
		}
	}
	for _, key := range []string{"version", "tag"} {
		if m := releaseVersion.FindStringSubmatch(values[key]); m != nil {
			return m[1]
		}
	}
	return ""
}
