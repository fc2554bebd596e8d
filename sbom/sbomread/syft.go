package sbomread

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/draft"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// syftDocument has the parts of syft JSON that are read. They are the same from
// schema 1 of 2021 on, except the source and the distribution. syft's own decoder
// would link all of syft.
type syftDocument struct {
	Artifacts     []syftArtifact     `json:"artifacts"`
	Relationships []syftRelationship `json:"artifactRelationships"`
	Files         []syftFile         `json:"files"`
	Source        syftSource         `json:"source"`
	Distro        syftDistro         `json:"distro"`
	Descriptor    struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"descriptor"`
}

type syftArtifact struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Version   string         `json:"version"`
	Type      string         `json:"type"`
	FoundBy   string         `json:"foundBy"`
	Locations []syftLocation `json:"locations"`
	PURL      string         `json:"purl"`
	Metadata  syftMetadata   `json:"metadata"`
}

type syftLocation struct {
	Path        string            `json:"path"`
	Layer       string            `json:"layerID"`
	Annotations map[string]string `json:"annotations"`
}

type syftRelationship struct {
	Parent string `json:"parent"`
	Child  string `json:"child"`
	Type   string `json:"type"`
}

type syftFile struct {
	ID string `json:"id"`
}

// syftSource is the scanned environment: under "target" up to schema 7, and later
// under "metadata".
type syftSource struct {
	ID       string     `json:"id"`
	Type     string     `json:"type"`
	Target   syftTarget `json:"target"`
	Metadata syftTarget `json:"metadata"`
}

// syftTarget is a string for a directory in old documents.
type syftTarget struct {
	ManifestDigest string
	OS, Arch       string
	Layers         []string
}

func (t *syftTarget) UnmarshalJSON(data []byte) error {
	var image struct {
		ManifestDigest string `json:"manifestDigest"`
		OS             string `json:"os"`
		Arch           string `json:"architecture"`
		Layers         []struct {
			Digest string `json:"digest"`
		} `json:"layers"`
	}
	if json.Unmarshal(data, &image) != nil {
		return nil // not an image
	}
	*t = syftTarget{ManifestDigest: image.ManifestDigest, OS: image.OS, Arch: image.Arch}
	for _, l := range image.Layers {
		t.Layers = append(t.Layers, l.Digest)
	}
	return nil
}

type syftDistro struct {
	ID        string             `json:"id"`
	Name      string             `json:"name"`
	Version   string             `json:"version"`
	VersionID string             `json:"versionID"`
	Pretty    string             `json:"prettyName"`
	IDLike    strictjson.Strings `json:"idLike"`
}

// syftMetadata is the metadata of an ecosystem. Each ecosystem has another
// shape, so a value of another type is ignored.
type syftMetadata struct {
	Source        string
	Size          int64
	H1            string
	ArchiveDigest []syftDigest
}

type syftDigest struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

func (m *syftMetadata) UnmarshalJSON(data []byte) error {
	top, err := strictjson.Top(context.Background(), data)
	if err != nil {
		return nil // a list or null: the document is valid JSON
	}
	m.Source = text(top["source"])
	m.H1 = text(top["h1Digest"])
	_ = json.Unmarshal(top["installedSize"], &m.Size)
	_ = json.Unmarshal(top["digest"], &m.ArchiveDigest)
	return nil
}

func readSyft(ctx context.Context, data []byte, name string) (*sbom.Document, error) {
	var doc syftDocument
	if err := strictjson.Unmarshal(ctx, data, &doc); err != nil {
		return nil, err
	}
	s := syftReader{doc: &doc, name: name, layers: map[string]int{}}
	return s.read().Document(ctx)
}

type syftReader struct {
	doc    *syftDocument
	name   string
	d      draft.Draft
	layers map[string]int
	others map[string]bool // files and the source
}

func (s *syftReader) read() *draft.Draft {
	doc := s.doc
	s.others = make(map[string]bool, len(doc.Files)+1)
	s.d.Known = func(ref string) bool { return s.others[ref] }
	s.d.Tools = []string{doc.Descriptor.Name + " " + doc.Descriptor.Version}
	s.source()
	s.d.OS = sbom.OS{ID: doc.Distro.ID, IDLike: doc.Distro.IDLike, VersionID: doc.Distro.VersionID, Pretty: doc.Distro.Pretty}
	if s.d.OS.ID == "" {
		s.d.OS.ID = doc.Distro.Name // before schema 3
	}
	if s.d.OS.VersionID == "" {
		s.d.OS.VersionID = doc.Distro.Version
	}
	for _, f := range doc.Files {
		s.others[f.ID] = true
	}
	s.d.Files = len(doc.Files)
	at := make(map[string]int, len(doc.Artifacts))
	for i := range doc.Artifacts {
		a := &doc.Artifacts[i]
		if _, twice := at[a.ID]; !twice {
			at[a.ID] = i
		}
		s.d.Elements = append(s.d.Elements, s.element(i, a))
	}
	for _, r := range doc.Relationships {
		s.related(at, r)
	}
	return &s.d
}

func (s *syftReader) source() {
	src := &s.doc.Source
	if src.ID != "" {
		s.others[src.ID] = true
	}
	if src.Type != "image" {
		return
	}
	// syft lists the installed packages of an image, and of a directory also
	// those that manifests declare.
	s.d.Installed = true
	image := src.Metadata
	if len(image.Layers) == 0 {
		image = src.Target
	}
	s.d.Image = sbom.Image{Digest: image.ManifestDigest}
	if image.OS != "" && image.Arch != "" {
		s.d.Image.Platform = image.OS + "/" + image.Arch
	}
	for i, digest := range image.Layers {
		s.d.Image.Layers = append(s.d.Image.Layers, sbom.Layer{DiffID: digest})
		s.layers[digest] = i + 1
	}
}

func (s *syftReader) element(i int, a *syftArtifact) draft.Element {
	e := draft.Element{
		Ref: a.ID, Label: fmt.Sprintf("artifacts[%d]", i),
		PURL: a.PURL, Type: syftTypes[a.Type], Name: a.Name, Version: a.Version, FoundBy: a.FoundBy,
	}
	for _, l := range a.Locations {
		e.Paths = append(e.Paths, l.Path)
		if mark := l.Annotations["evidence"]; mark == "" || mark == "primary" {
			e.Layer = max(e.Layer, s.layers[l.Layer])
		}
	}
	e.Locked = len(e.Paths) > 0 && !slices.ContainsFunc(e.Paths, func(p string) bool { return !draft.IsLock(path.Base(p)) })
	if draft.IsArchiveCataloger(a.FoundBy) {
		e.Role, e.Why = draft.Archive, "found by "+a.FoundBy
	}
	m := &a.Metadata
	if m.Source != a.Name && (a.Type == "deb" || a.Type == "apk") {
		e.Source = m.Source
	}
	switch a.Type {
	case "deb":
		e.Size = m.Size * 1024 // dpkg's unit
	case "apk", "rpm", "alpm":
		e.Size = m.Size
	}
	if sum, ok := strings.CutPrefix(m.H1, "h1:"); ok {
		if b, err := base64.StdEncoding.DecodeString(sum); err == nil && len(b) == 32 {
			e.Digests = append(e.Digests, sbom.Digest{Algorithm: "h1", Value: sum, File: s.name})
		}
	}
	for _, d := range m.ArchiveDigest {
		if x, ok := draft.Digest(d.Algorithm, d.Value, s.name); ok {
			e.Digests = append(e.Digests, x)
		}
	}
	return e
}

// syftTypes has the purl types of syft's types, for packages without a package
// URL. Other types have no ecosystem.
var syftTypes = map[string]string{
	"alpm": "alpm", "apk": "apk", "deb": "deb", "rpm": "rpm", "conda": "conda", "dart-pub": "pub", "dotnet": "nuget",
	"gem": "gem", "github-action": "github", "go-module": "golang", "hackage": "hackage", "hex": "hex", "java-archive": "maven",
	"npm": "npm", "php-composer": "composer", "python": "pypi", "pod": "cocoapods", "conan": "conan", "rust-crate": "cargo", "swift": "swift",
}

func (s *syftReader) related(at map[string]int, r syftRelationship) {
	parent, isParent := at[r.Parent]
	child, isChild := at[r.Child]
	switch r.Type {
	case "ownership-by-file-overlap":
		// The parent's file list has the file that shows the child.
		if isParent && isChild {
			s.d.Ownership = true
			if parent != child && s.d.Elements[child].BundledIn == "" {
				s.d.Elements[child].BundledIn = r.Parent
			}
			return
		}
	case "dependency-of":
		s.d.Edges = append(s.d.Edges, draft.Edge{From: r.Child, To: r.Parent, Kind: sbom.RelDepends})
		return
	case "contains", "evident-by", "described-by":
		// A file that is not listed is not a lost package: syft lists files on
		// request only.
		if isParent || s.others[r.Parent] {
			return
		}
	}
	for _, id := range []string{r.Parent, r.Child} {
		if _, ok := at[id]; !ok && !s.others[id] {
			s.d.Fault(sbom.GapMalformed, draft.DanglingRelation, draft.Quote(id))
		}
	}
}
