package lockcheck

import (
	"encoding/base64"
	"encoding/hex"
)

// nugetHash is the algorithm of NuGet's content hash: the SHA-512 of a package
// without its signature. It is not that of the .nupkg file, which nuget.org signs
// (https://github.com/NuGet/Home/wiki/Nupkg-Metadata-File). packages.lock.json,
// project.assets.json, .nupkg.metadata and deps.json repeat it.
const nugetHash = "nuget-sha512"

// parseNuGet parses packages.lock.json, versions 1 and 2
// (https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files#locking-dependencies;
// NuGet.Client, NuGet.ProjectModel/ProjectLockFile/PackagesLockFileFormat.cs). It
// has the packages of each target framework, and those of each runtime that
// differ. Names are not case-sensitive.
func (l *Lock) parseNuGet(d *document) error {
	if v := d.want(d.root, "version", nodeNumber); v == nil || v.text != "1" && v.text != "2" {
		text := "none"
		if v != nil {
			text = quote(v.text)
		}
		d.fail(d.place(d.root, "version"), "lock again with dotnet restore --use-lock-file", "a packages.lock.json has version 1 or 2, not %s", text)
		return d.err
	}
	frameworks := d.table(d.root, "dependencies")
	if frameworks == nil {
		return d.failure()
	}
	at := map[string]int{}
	for _, framework := range frameworks.members {
		packages := d.table(frameworks, framework.key)
		if packages == nil {
			continue
		}
		for i := range packages.members {
			m := &packages.members[i]
			if m.key == "" {
				d.fail(m.offset, "", "a package without a name")
				return d.err
			}
			if m.value.kind != nodeObject {
				d.fail(m.value.offset, "", "the entry of %s must be %s, not %s", quote(m.key), nodeObject, m.value.kind)
				return d.err
			}
			e := Entry{Type: "nuget", Name: m.key, Version: d.text(m.value, "resolved"), File: d.file, Line: d.line(m.offset), Source: Source{Kind: KindRegistry}}
			switch kind := d.text(m.value, "type"); kind {
			case "Direct":
				e.Direct = true
			case "Transitive", "CentralTransitive":
			case "Project":
				e.Source, e.FirstParty = Source{Kind: KindPath}, true
			default:
				d.fail(d.place(m.value, "type"), "lock again with dotnet restore --use-lock-file", "the type %s of %s is not known", quote(kind), quote(m.key))
			}
			if hash := d.text(m.value, "contentHash"); hash != "" {
				l.addContentHash(&e, hash)
			}
			if d.err != nil {
				return d.err
			}
			l.addOnce(at, e, "")
		}
	}
	if d.err == nil {
		l.refuseTwins(d)
	}
	return d.failure()
}

// addContentHash adds NuGet's hash, which is in base64.
func (l *Lock) addContentHash(e *Entry, value string) {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(raw) != 64 {
		l.problem(ProblemBadHash, e.File, e.Line, e.Name, quote(e.fullName())+" has a contentHash of the wrong form")
		return
	}
	e.Hashes = append(e.Hashes, Hash{Algorithm: nugetHash, Value: hex.EncodeToString(raw)})
}
