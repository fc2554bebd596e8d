package spdx

import (
	"bytes"
	"context"
	"strings"

	"github.com/depaudit/depaudit/sbom/internal/draft"
	"github.com/depaudit/depaudit/sbom/strictjson"
)

// readTags parses the tag-value form (annex of SPDX 2.3): lines "Tag: value", a
// value of several lines between <text> and </text>, and sections that begin with
// the tag of the name of their element.
func readTags(ctx context.Context, data []byte) (*document, error) {
	if err := strictjson.UTF8(data); err != nil {
		return nil, err
	}
	t := tags{ctx: ctx, data: data, doc: new(document)}
	if err := t.lines(); err != nil {
		return nil, err
	}
	return t.doc, nil
}

type section int

const (
	inDocument section = iota
	inPackage
	inFile
	inSnippet
	inOther // licences and reviews, which have identifiers of their own
)

type tags struct {
	ctx  context.Context
	data []byte
	at   int // offset of the line
	line int
	doc  *document
	in   section
	seen map[string]bool // single-valued tags of the section
}

func (t *tags) fail(format string, args ...any) error {
	return strictjson.At(t.data, int64(t.at), format, args...)
}

func (t *tags) lines() error {
	next := 0
	for t.line = 1; next < len(t.data); t.line++ {
		t.at = next
		line := t.data[next:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
			next += i + 1
		} else {
			next = len(t.data)
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		tag, value, ok := bytes.Cut(line, []byte{':'})
		if !ok {
			return t.fail("a line without a tag (check whether the document is truncated, or a <text> not closed)")
		}
		value = bytes.TrimSpace(value)
		lines := 1
		if bytes.HasPrefix(value, []byte("<text>")) {
			start := len(t.data) - len(t.data[t.at:]) + bytes.Index(t.data[t.at:], []byte("<text>")) + len("<text>")
			end := bytes.Index(t.data[start:], []byte("</text>"))
			if end < 0 {
				return t.fail("a <text> is not closed: the document is truncated")
			}
			value = t.data[start : start+end]
			lines += bytes.Count(value, []byte{'\n'})
			next = start + end + len("</text>")
			if i := bytes.IndexByte(t.data[next:], '\n'); i >= 0 {
				if len(bytes.TrimSpace(t.data[next:next+i])) > 0 {
					return t.fail("text after </text>")
				}
				next += i + 1
			} else {
				next = len(t.data)
			}
		}
		if err := t.pair(string(bytes.TrimSpace(tag)), string(value)); err != nil {
			return err
		}
		t.line += lines - 1
		if t.line%(1<<14) == 0 && t.ctx.Err() != nil {
			return t.ctx.Err()
		}
	}
	return t.ctx.Err()
}

// knownTags are the tags that are read. Another spelling of them by case is
// refused, since programs differ in whether they accept it.
var knownTags = []string{
	"SPDXVersion", "SPDXID", "DocumentName", "Creator", "Created", "ExternalDocumentRef",
	"PackageName", "PackageVersion", "PackageDownloadLocation", "PackageSourceInfo", "PackageSummary", "PackageChecksum",
	"PrimaryPackagePurpose", "ExternalRef", "FileName", "SnippetSPDXID", "LicenseID", "Reviewer", "Relationship", "RelationshipComment",
}

func (t *tags) pair(tag, value string) error {
	var p *pkg
	if n := len(t.doc.Packages); n > 0 && t.in == inPackage {
		p = &t.doc.Packages[n-1]
	}
	set := func(to *string) error {
		if t.seen[tag] {
			return t.fail("%s is given twice for one element: programs differ in which one they take", tag)
		}
		t.seen[tag] = true
		*to = value
		return nil
	}
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	switch tag {
	case "SPDXVersion":
		return set(&t.doc.SPDXVersion)
	case "DocumentName":
		return set(&t.doc.Name)
	case "Created":
		// Of no effect on the count: the last one of several.
		if t.doc.CreationInfo == nil {
			t.doc.CreationInfo = new(creation)
		}
		t.doc.CreationInfo.Created = value
	case "Creator":
		if t.doc.CreationInfo == nil {
			t.doc.CreationInfo = new(creation)
		}
		t.doc.CreationInfo.Creators = append(t.doc.CreationInfo.Creators, value)
	case "ExternalDocumentRef":
		id, _, _ := strings.Cut(value, " ")
		t.doc.External = append(t.doc.External, externalDoc{id})
	case "PackageName":
		t.begin(inPackage)
		if len(t.doc.Packages) >= draft.MaxElements {
			return t.fail("%v", draft.ErrTooMany("packages", draft.MaxElements))
		}
		t.doc.Packages = append(t.doc.Packages, pkg{Name: value, line: t.line})
	case "FileName":
		t.begin(inFile)
		if len(t.doc.Files) >= maxFiles {
			return t.fail("%v", draft.ErrTooMany("files", maxFiles))
		}
		t.doc.Files = append(t.doc.Files, file{Name: value})
	case "SnippetSPDXID":
		t.begin(inSnippet)
		t.doc.Snippets = append(t.doc.Snippets, snippet{value})
	case "LicenseID", "Reviewer":
		t.begin(inOther)
	case "SPDXID":
		switch t.in {
		case inDocument:
			return set(&t.doc.SPDXID)
		case inPackage:
			return set(&p.SPDXID)
		case inFile:
			return set(&t.doc.Files[len(t.doc.Files)-1].SPDXID)
		}
	case "Relationship":
		return t.relationship(value)
	case "RelationshipComment":
		if n := len(t.doc.Relationships); n > 0 {
			t.doc.Relationships[n-1].Comment = value
		}
	default:
		return t.ofPackage(p, tag, value, set)
	}
	return nil
}

func (t *tags) ofPackage(p *pkg, tag, value string, set func(*string) error) error {
	if p == nil {
		p = new(pkg) // outside of a package the tag has no effect
	}
	switch tag {
	case "PackageVersion":
		return set(&p.Version)
	case "PackageDownloadLocation":
		return set(&p.Download)
	case "PackageSourceInfo":
		return set(&p.SourceInfo)
	case "PackageSummary":
		return set(&p.Summary)
	case "PrimaryPackagePurpose":
		return set(&p.Purpose)
	case "PackageChecksum":
		algorithm, sum, ok := strings.Cut(value, ":")
		if !ok {
			return t.fail("want a checksum of the form ALGORITHM: VALUE")
		}
		p.Checksums = append(p.Checksums, checksum{algorithm, strings.TrimSpace(sum)})
	case "ExternalRef":
		parts := strings.Fields(value)
		if len(parts) != 3 {
			return t.fail("want an external reference of three parts, CATEGORY TYPE LOCATOR, got %d", len(parts))
		}
		p.External = append(p.External, externalRef{parts[0], parts[1], parts[2]})
	default:
		for _, known := range knownTags {
			if strings.EqualFold(tag, known) {
				return t.fail("the tag %s is not %s by the format, but some programs take it for that", draft.Quote(tag), known)
			}
		}
	}
	return nil
}

func (t *tags) begin(s section) {
	t.in = s
	clear(t.seen)
	if s == inPackage {
		t.seen["PackageName"] = true
	}
}

func (t *tags) relationship(value string) error {
	parts := strings.Fields(value)
	if len(parts) != 3 {
		return t.fail("want a relationship of three parts, ELEMENT TYPE ELEMENT, got %d", len(parts))
	}
	if len(t.doc.Relationships) >= draft.MaxEdges {
		return t.fail("%v", draft.ErrTooMany("relations", draft.MaxEdges))
	}
	t.doc.Relationships = append(t.doc.Relationships, relationship{From: parts[0], Type: parts[1], To: parts[2]})
	return nil
}

// maxFiles is the number of files of a tag-value document: an image has some
// 200,000.
const maxFiles = 2_000_000
