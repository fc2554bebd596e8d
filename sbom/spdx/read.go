package spdx

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/internal/draft"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// Form is a serialization of SPDX.
type Form int

const (
	JSON     Form = iota // 2.2 and 2.3
	Graph                // 3.0, JSON-LD
	TagValue             // 2.2 and 2.3
)

// Read reads a document of any origin by the rules of the package comment. name
// is the document's name in what is recorded.
//
// A document that [Encode] wrote becomes the document that was encoded. If it
// was changed since, it is read as a third-party document, and that is a gap.
func Read(ctx context.Context, data []byte, form Form, name string) (*sbom.Document, error) {
	f := draft.Format[document]{Decode: decode, Encode: Encode, Draft: func(doc *document) *draft.Draft {
		r := reader{doc: doc, name: name}
		return r.read()
	}}
	switch form {
	case Graph:
		f.Parse, f.Ours, f.Encode = readGraph, ours, EncodeGraph
		f.Decode = func(in *document) (*sbom.Document, sbom.Meta, error) { return decode(asTwo(in)) }
	case TagValue:
		f.Parse = versioned(readTags)
	default:
		f.Parse, f.Ours = versioned(readJSON), ours
	}
	return draft.Read(ctx, data, f)
}

func readJSON(ctx context.Context, data []byte) (*document, error) {
	doc := new(document)
	return doc, strictjson.Unmarshal(ctx, data, doc)
}

// versioned returns a parser that checks the version of what parse returns.
func versioned(parse func(context.Context, []byte) (*document, error)) func(context.Context, []byte) (*document, error) {
	return func(ctx context.Context, data []byte) (*document, error) {
		doc, err := parse(ctx, data)
		if err != nil {
			return nil, err
		}
		if !readable(doc.SPDXVersion) {
			return nil, fmt.Errorf("unknown SPDX version %s (2.2, 2.3 and 3.0 are known)", draft.Quote(doc.SPDXVersion))
		}
		return doc, nil
	}
}

// ours reports whether the document claims that depaudit wrote it.
func ours(doc *document) bool {
	return slices.ContainsFunc(doc.Annotations, func(a annotation) bool {
		return slices.ContainsFunc(facts(a), func(f sbom.Fact) bool { return f.Key == "environment" })
	})
}

// readable reports whether the version has the data model of 2.2 and 2.3: 2.2.x
// are corrections of its text.
func readable(version string) bool {
	for _, v := range []string{"SPDX-2.2", "SPDX-2.3"} {
		if version == v || strings.HasPrefix(version, v+".") {
			return true
		}
	}
	return false
}

// reader translates a document into a draft.
type reader struct {
	doc   *document
	name  string
	d     draft.Draft
	index map[string]int    // packages by identifier
	files map[string]string // names of files by identifier
	// others are the identifiers of all other elements.
	others map[string]bool
	roots  map[string]bool
	// containers are the packages that contain others, needers the packages
	// that need others.
	containers, needers map[string]bool
	// held has pairs of packages: the outer one contains the inner one.
	held     [][2]int
	unknowns int
	external map[string]bool
}

func (r *reader) read() *draft.Draft {
	doc := r.doc
	r.index = make(map[string]int, len(doc.Packages))
	r.files = make(map[string]string, len(doc.Files))
	r.roots, r.containers, r.needers = map[string]bool{}, map[string]bool{}, map[string]bool{}
	r.external = map[string]bool{}
	r.others = make(map[string]bool, len(doc.others)+len(doc.Snippets)+1)
	r.d.Known = r.known
	for _, f := range doc.Files {
		r.files[f.SPDXID] = f.Name
	}
	r.d.Files = len(doc.Files)
	for _, id := range doc.others {
		r.others[id] = true
	}
	for _, s := range doc.Snippets {
		r.others[s.SPDXID] = true
	}
	if n := len(doc.Snippets); n > 0 {
		r.d.Excluded = append(r.d.Excluded, sbom.Exclusion{Reason: sbom.ExcludedFile, Detail: "snippets, which are parts of files", Count: n})
	}
	if doc.CreationInfo != nil {
		r.d.Tools, r.d.Created = tools(doc.CreationInfo.Creators), doc.CreationInfo.Created
	}
	for i := range doc.Packages {
		r.d.Elements = append(r.d.Elements, r.element(&doc.Packages[i]))
		if _, twice := r.index[doc.Packages[i].SPDXID]; !twice {
			r.index[doc.Packages[i].SPDXID] = i
		}
	}
	r.related()
	r.described()
	r.grouped()
	r.contained()
	r.installed()
	r.complete()
	return &r.d
}

// known reports whether the identifier names something other than a package.
func (r *reader) known(id string) bool {
	_, isFile := r.files[id]
	return isFile || r.others[id] || id == r.doc.SPDXID || id == documentRef
}

// element translates a package.
func (r *reader) element(p *pkg) draft.Element {
	e := draft.Element{
		Ref: p.SPDXID, Label: label(p), Name: p.Name, Version: p.Version,
		Paths: evidence(p.SourceInfo), Locked: fromLock(p.SourceInfo),
	}
	purl, more := p.purl()
	e.PURL = purl
	for _, other := range more {
		r.d.Fault(sbom.GapMalformed, "a package has several package URLs, and the first counts", draft.Quote(other)+" ("+e.Label+")")
	}
	e.Role, e.Why = role(p)
	if e.Role == draft.System {
		e.Why = p.Summary
	}
	for _, c := range p.Checksums {
		if d, ok := draft.Digest(c.Algorithm, c.Value, r.name); ok {
			e.Digests = append(e.Digests, d)
		}
	}
	e.Install = draft.Origin(p.Download, r.name)
	if source, ok := strings.CutPrefix(p.SourceInfo, "built package from: "); ok { // trivy
		e.Source, _, _ = strings.Cut(source, " ")
	}
	return e
}

func label(p *pkg) string {
	if p.line > 0 {
		return fmt.Sprintf("package %s, line %d", draft.Quote(p.SPDXID), p.line)
	}
	return "package " + draft.Quote(p.SPDXID)
}

// role returns the role for the purpose of a package (section 7.24 of 2.3). A
// purpose is about use and not about installation, so most of them count: a
// SOURCE in a stage is a dependency, and so is FIRMWARE.
func role(p *pkg) (draft.Role, string) {
	switch strings.ToUpper(strings.ReplaceAll(p.Purpose, "-", "_")) {
	case "OPERATING_SYSTEM":
		return draft.System, ""
	case "CONTAINER":
		return draft.Group, "a container image: its content counts"
	case "FILE":
		return draft.File, ""
	case "DEVICE":
		return draft.NotSoftware, "a device"
	case "DATA":
		return draft.NotSoftware, "data"
	}
	return draft.Package, ""
}

var acquired = lazyregexp.New(`^acquired package info(?:rmation)? from (?:the |an? )?(?:.*?): (.+)$`)

// evidence returns the paths that syft writes into the source information.
func evidence(sourceInfo string) []string {
	m := acquired.FindStringSubmatch(sourceInfo)
	if m == nil {
		return nil
	}
	var out []string
	for p := range strings.SplitSeq(m[1], ", ") {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

// fromLock reports whether every path that shows a package is a lock file.
func fromLock(sourceInfo string) bool {
	places := evidence(sourceInfo)
	for _, p := range places {
		if !draft.IsLock(path.Base(p)) {
			return false
		}
	}
	return len(places) > 0
}

// tools returns the creators that are programs, "Tool: NAME-VERSION".
func tools(creators []string) []string {
	var out []string
	for _, c := range creators {
		kind, tool, ok := strings.Cut(c, ":")
		if !ok || kind != "Tool" {
			continue
		}
		tool = strings.TrimSpace(tool)
		for i := range len(tool) - 1 {
			rest := strings.TrimPrefix(tool[i+1:], "v")
			if tool[i] == '-' && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
				tool = tool[:i] + " " + tool[i+1:]
				break
			}
		}
		out = append(out, tool)
	}
	return out
}

// installed sets Installed for a scan of an image, in which scanners list the
// installed packages. In a directory they list those that manifests declare too.
func (r *reader) installed() {
	scanner := false
	for _, t := range r.d.Tools {
		name, _, _ := strings.Cut(t, " ")
		scanner = scanner || name == "syft" || strings.HasPrefix(name, "trivy")
	}
	if !scanner {
		return
	}
	for id := range r.roots {
		if i, ok := r.index[id]; ok && strings.EqualFold(r.doc.Packages[i].Purpose, "CONTAINER") {
			r.d.Installed = true
		}
	}
}

// complete records the gaps that the document states itself.
func (r *reader) complete() {
	if r.unknowns > 0 {
		r.d.Incomplete = append(r.d.Incomplete, fmt.Sprintf("the document states NOASSERTION for %d relations, so that more packages may exist", r.unknowns))
	}
	if n := len(r.external); n > 0 {
		r.d.Incomplete = append(r.d.Incomplete, fmt.Sprintf("the document refers to %d entries of other documents, which were not read", n))
	}
}
