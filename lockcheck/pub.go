package lockcheck

import "strings"

// parsePub parses pubspec.lock (https://dart.dev/tools/pub/private-files;
// dart-lang/pub, lib/src/lock_file.dart). Since Dart 2.19 the description of a
// hosted package has the SHA-256 of its archive. Packages of the source "sdk" are
// part of Flutter or Dart and have no version of their own.
func (l *Lock) parsePub(d *document) error {
	packages := d.table(d.root, "packages")
	if packages == nil {
		return d.failure()
	}
	for i := range packages.members {
		m := &packages.members[i]
		if m.value.kind != nodeObject {
			d.fail(m.value.offset, "create it again with dart pub get", "the entry of %s must be %s, not %s", quote(m.key), nodeObject, m.value.kind)
			break
		}
		if m.key == "" {
			d.fail(m.offset, "", "a package without a name")
			break
		}
		e := Entry{Type: "pub", Name: m.key, Version: d.scalar(m.value, "version"), File: d.file, Line: d.line(m.offset)}
		dependency := d.text(m.value, "dependency")
		e.Direct, e.Dev = strings.HasPrefix(dependency, "direct"), dependency == "direct dev"
		description := m.value.get("description")
		if description == nil || description.kind != nodeObject {
			description = &node{kind: nodeObject, offset: m.offset}
		}
		switch source := d.text(m.value, "source"); source {
		case "hosted":
			e.Source = registrySource("pub", d.text(description, "url"))
			if sum := d.text(description, "sha256"); sum != "" {
				l.addHash(&e, "sha256", sum)
			}
			if name := d.text(description, "name"); name != "" && name != e.Name {
				e.flaw = flaw{OtherPackage, quote(e.Name) + " is locked to the package " + quote(name)}
			}
		case "git":
			e.Source = Source{Kind: KindVCS, URL: scrub(d.text(description, "url")), Commit: d.text(description, "resolved-ref")}
		case "path":
			e.Source = Source{Kind: KindPath, URL: d.text(description, "path")}
		case "sdk":
			e.Source = Source{Kind: KindRegistry}
		default:
			d.fail(m.value.offset, "create it again with dart pub get", "the source %s of %s is not known", quote(source), quote(m.key))
		}
		if d.err != nil {
			break
		}
		l.add(e)
	}
	return d.failure()
}
