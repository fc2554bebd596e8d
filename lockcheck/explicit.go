package lockcheck

import (
	"context"
	"strings"
)

// parseExplicit parses the lists that "conda list --explicit --md5" and
// conda-lock write: a URL on each line after "@EXPLICIT", with the digest of the
// file after "#" (conda's misc.py, explicit). conda-lock adds Python packages as
// comments, which its own installer passes to pip.
func (l *Lock) parseExplicit(ctx context.Context, src *source) error {
	at, hashes := map[string]int{}, map[string]string{}
	platform, explicit := "", false
	return src.eachLine(ctx, func(begin int, line string) error {
		text := strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
		var e Entry
		switch pip, isPip := strings.CutPrefix(text, "# pip "); {
		case text == "":
			return nil
		case text == "@EXPLICIT":
			explicit = true
			return nil
		case isPip:
			var ok bool
			if e, ok = explicitPip(pip); !ok {
				return src.errorf(begin, "create the list again with conda-lock", "not a Python package with its URL: %s", quote(pip))
			}
		case strings.HasPrefix(text, "#"):
			if subdir, ok := strings.CutPrefix(text, "# platform: "); ok {
				platform = strings.TrimSpace(subdir)
			}
			return nil
		case !explicit:
			return src.errorf(begin, "create the list again with conda list --explicit --md5", "a line before @EXPLICIT, which conda does not take for a URL: %s", quote(text))
		default:
			url, _, _ := strings.Cut(text, "#")
			e = condaEntry(url, "", "", "")
			if _, _, _, ok := condaFile(url[strings.LastIndexByte(url, '/')+1:]); !ok || e.Name == "" {
				return src.errorf(begin, "create the list again with conda list --explicit --md5", "not the URL of a conda package: %s", quote(scrub(url)))
			}
		}
		e.File, e.Line = src.file, src.line(begin)
		_, digest, _ := strings.Cut(text, "#")
		if isPip := strings.HasPrefix(text, "# pip "); isPip {
			digest = explicitPipHash(text)
		}
		l.explicitHash(&e, digest)
		on := platform
		if subdir := condaSubdir(e.Source.URL); subdir != "" {
			on = subdir
		} else if e.Type == "conda" {
			on = ""
		}
		key := e.Type + "\x00" + e.Source.URL
		if have, ok := hashes[key]; ok && have != digest {
			return src.errorf(begin, "create the list again", "%s is in the list twice with different hashes", quote(e.Source.URL))
		}
		hashes[key] = digest
		l.addOnce(at, e, on)
		return nil
	})
}

// explicitHash adds the digest after a URL: an MD5, or "sha256:" and a SHA-256.
func (l *Lock) explicitHash(e *Entry, digest string) {
	algorithm, value, named := strings.Cut(digest, ":")
	switch {
	case digest == "":
	case named:
		l.addColonHash(e, algorithm+":"+value)
	case len(digest) == hexLength("sha256"):
		l.addHash(e, "sha256", digest)
	default:
		l.addHash(e, "md5", digest)
	}
}

// explicitPip parses "NAME @ URL --hash=sha256:..." (conda_lock.py,
// format_pip_requirement). The version is that in the name of the file.
func explicitPip(text string) (Entry, bool) {
	name, rest, ok := strings.Cut(text, " @ ")
	name, _, _ = strings.Cut(strings.TrimSpace(name), "[")
	fields := strings.Fields(rest)
	if !ok || name == "" || len(fields) == 0 {
		return Entry{}, false
	}
	url, _, _ := strings.Cut(fields[0], "#")
	l, _ := parseLocation(url)
	e := pypiEntry(fields[0], name, wheelVersion(l.base()))
	if e.Source.Kind == KindRegistry {
		e.Source = registrySource("pypi", url)
	}
	return e, true
}

// explicitPipHash returns the digest in a line of a Python package: of pip's
// option or in the URL.
func explicitPipHash(text string) string {
	for _, mark := range []string{"--hash=", "#sha256=", "#md5="} {
		if _, after, ok := strings.Cut(text, mark); ok {
			digest, _, _ := strings.Cut(after, " ")
			if mark == "#sha256=" || mark == "#md5=" {
				digest = mark[1:len(mark)-1] + ":" + digest
			}
			return digest
		}
	}
	return ""
}

// wheelVersion returns the version in the name of a wheel or of a source
// distribution, "" for another name (PEP 427, PEP 625).
func wheelVersion(file string) string {
	if stem, ok := strings.CutSuffix(file, ".whl"); ok {
		if parts := strings.Split(stem, "-"); len(parts) >= 5 {
			return parts[1]
		}
		return ""
	}
	for _, suffix := range pythonArchives() {
		if stem, ok := strings.CutSuffix(file, suffix); ok {
			return stem[strings.LastIndexByte(stem, '-')+1:]
		}
	}
	return ""
}
