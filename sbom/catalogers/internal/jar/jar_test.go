package jar

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
)

func zipped(t testing.TB, entries ...string) Archive {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		w, err := z.Create(entries[i])
		if err == nil {
			_, err = w.Write([]byte(entries[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return Archive{"x.jar", bytes.NewReader(b.Bytes()), int64(b.Len())}
}

func bytesOf(t testing.TB, a Archive) string {
	t.Helper()
	data := make([]byte, a.Size)
	if _, err := a.Reader.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDepth checks the limit for archives in one another: what is above it is
// read, and the rest is an error.
func TestDepth(t *testing.T) {
	a := zipped(t, "META-INF/MANIFEST.MF", "Bundle-Version: 1\n")
	for range maxDepth + 2 {
		a = zipped(t, "META-INF/MANIFEST.MF", "Bundle-Version: 1\n", "lib/x.jar", bytesOf(t, a))
	}
	found, err := Read(a)
	if err != nil && !strings.Contains(err.Error(), "in one another") {
		t.Fatal(err)
	}
	if len(found) != maxDepth+1 {
		t.Errorf("%d found", len(found))
	}
}

// FuzzRead: an archive without an error has at least one artifact, and each
// artifact has a name in the archive or in its file name.
func FuzzRead(f *testing.F) {
	inner := zipped(f, "META-INF/MANIFEST.MF", "Bundle-Version: 1\n", "META-INF/maven/g/a/pom.properties", "groupId=g\nartifactId=a\nversion=1\n")
	f.Add([]byte(bytesOf(f, inner)))
	f.Add([]byte(bytesOf(f, zipped(f, "META-INF/MANIFEST.MF", "A: b\n c\n\nName: x\n", "lib/inner.jar", bytesOf(f, inner)))))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := Read(Archive{"x-1.jar", bytes.NewReader(data), int64(len(data))})
		if err == nil && len(found) == 0 {
			t.Error("nothing, without an error")
		}
		for _, a := range found {
			if strings.ContainsAny(a.SHA1, " ") || a.Group() == "\x00" {
				t.Errorf("%+v", a)
			}
		}
	})
}

// FuzzManifest: what is written again reads the same.
func FuzzManifest(f *testing.F) {
	f.Add("Manifest-Version: 1.0\r\nBundle-Name: long\r\n er\r\n\r\nName: x\n")
	f.Add(" continued\n:\na:\n\n\nb: c\n d")
	f.Fuzz(func(t *testing.T, text string) {
		m := ParseManifest([]byte(text))
		var again strings.Builder
		for _, s := range m.Sections {
			for _, a := range s {
				again.WriteString(a.Name + ": " + a.Value + "\n")
			}
			again.WriteString("\n")
		}
		b := ParseManifest([]byte(again.String()))
		if len(b.Sections) != len(m.Sections) {
			t.Fatalf("%q: %+v and %+v", text, m, b)
		}
		for i := range m.Sections {
			if len(b.Sections[i]) != len(m.Sections[i]) {
				t.Errorf("%q: %+v and %+v", text, m, b)
			}
		}
	})
}

// FuzzPom: values have no reference left in them and are within their limit.
func FuzzPom(f *testing.F) {
	f.Add(`<project><parent><groupId>p</groupId><version>${v}</version></parent><artifactId>${a}</artifactId><properties><a>${b}${b}</a><b>${a}</b><v>1</v></properties></project>`)
	f.Add(`<?xml version="1.0" encoding="ISO-8859-1"?><project><groupId>${project.parent.groupId}</groupId><version>${project.version}</version></project>`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePom([]byte(text))
		if err != nil {
			return
		}
		group, name, version := p.ID()
		for _, v := range []string{group, name, version} {
			if len(v) > maxResolved || v != strings.TrimSpace(v) {
				t.Errorf("%q: %q", text, v)
			}
		}
	})
}
