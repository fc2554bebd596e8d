package jar

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
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
	found, err := Read(a, new(Scan))
	if err == nil || !strings.Contains(err.Error(), "in one another") {
		t.Errorf("error: %v", err)
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
		found, err := Read(Archive{"x-1.jar", bytes.NewReader(data), int64(len(data))}, new(Scan))
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
		m, err := ParseManifest([]byte(text))
		if err != nil {
			t.Fatal(err) // a fuzzer's text is too short for that
		}
		var again strings.Builder
		for _, s := range m.Sections {
			for _, a := range s {
				again.WriteString(a.Name + ": " + a.Value + "\n")
			}
			again.WriteString("\n")
		}
		b, err := ParseManifest([]byte(again.String()))
		if err != nil {
			t.Fatal(err)
		}
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

// jarOf makes an archive with a manifest and n copies of another archive.
func jarOf(t testing.TB, n int, inner string) string {
	entries := []string{"META-INF/MANIFEST.MF", "Bundle-Version: 1\n"}
	for i := range n {
		entries = append(entries, fmt.Sprintf("lib/%02d.jar", i), inner)
	}
	return bytesOf(t, zipped(t, entries...))
}

// TestBombs reads small archives that expand to much: each takes little time
// and memory, and what was not read is an error. One of them spends the work of a
// file; where others also end at that limit, the scan has less of it left.
func TestBombs(t *testing.T) {
	manifest := "Bundle-Version: 1\n"
	nested := bytesOf(t, zipped(t, "META-INF/MANIFEST.MF", manifest, "A.class", strings.Repeat("a", 1000)))
	for range 5 {
		nested = jarOf(t, 16, nested)
	}
	var poms []string
	for i := range 6 {
		poms = append(poms, fmt.Sprintf("META-INF/maven/g/a%d/pom.xml", i), "<project><artifactId>a</artifactId><properties>"+strings.Repeat("<a/>", 1_000_000)+"</properties></project>")
	}
	long := strings.Repeat("x", 60_000)
	deep := bytesOf(t, zipped(t, "META-INF/MANIFEST.MF", manifest))
	for range 7 {
		deep = bytesOf(t, zipped(t, "META-INF/MANIFEST.MF", manifest, long+"a.jar", deep, long+"b.jar", deep, long+"c.jar", deep, long+"d.jar", deep))
	}
	var many bytes.Buffer
	z := zip.NewWriter(&many)
	for range 750_000 {
		if _, err := z.CreateRaw(&zip.FileHeader{Name: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var references strings.Builder
	for i := range 15 {
		fmt.Fprintf(&references, "<p%d>%s</p%d>", i, strings.Repeat(fmt.Sprintf("${p%d}", i+1), 4000), i)
	}
	const little = maxBeyond - 16<<20
	for _, test := range []struct {
		name   string
		a      Archive
		err    string // empty when all of it is read
		beyond int64  // the work of the scan before
	}{
		{"archives in archives", Archive{"x.jar", strings.NewReader(nested), int64(len(nested))}, "expands to more than the limit", 0},
		{"a large manifest", zipped(t, "META-INF/MANIFEST.MF", strings.Repeat("a: b\n", 20<<20/5)), "larger than the limit", 0},
		{"many attributes", zipped(t, "META-INF/MANIFEST.MF", strings.Repeat("a: b\n", 200_000)), "attributes", 0},
		{"a continued value", zipped(t, "META-INF/MANIFEST.MF", "Bundle-Name: a\n"+strings.Repeat(" a\n", 5_000_000)), "", 0},
		{"many sections", zipped(t, "META-INF/MANIFEST.MF", "A: b\n\n"+strings.Repeat("Name: a\n\n", 1_500_000)), "", 0},
		{"large poms", zipped(t, append(poms, "META-INF/MANIFEST.MF", manifest)...), "manifests and poms", 0},
		{"a large pom", zipped(t, "META-INF/MANIFEST.MF", manifest, "META-INF/maven/g/a/pom.xml", strings.Repeat(" ", 8<<20)), "larger than the limit", 0},
		{"references", zipped(t, "META-INF/MANIFEST.MF", manifest, "META-INF/maven/g/a/pom.xml",
			"<project><artifactId>${p0}</artifactId><properties>"+references.String()+"<p15>x</p15></properties></project>"), "", 0},
		{"long names", Archive{"x.jar", strings.NewReader(deep), int64(len(deep))}, "expands to more than the limit", 0},
		{"many entries", Archive{"x.jar", bytes.NewReader(many.Bytes()), int64(many.Len())}, "directories", 0},
		{"a large archive in it", zipped(t, "META-INF/MANIFEST.MF", manifest, "lib/x.jar", strings.Repeat("a", 40<<20)), "expands to more than the limit", little},
		{"an archive beside a bomb", zipped(t, "META-INF/MANIFEST.MF", manifest, "lib/a.jar", bytesOf(t, zipped(t, "META-INF/MANIFEST.MF", manifest)), "lib/b.jar", nested), "expands to more than the limit", little},
	} {
		t.Run(test.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			found, err := Read(test.a, &Scan{beyond: test.beyond})
			took := time.Since(start)
			runtime.GC()
			runtime.ReadMemStats(&after)
			t.Logf("%d bytes: %d found, %v, %d MB allocated, %d MB kept, %v", test.a.Size, len(found), took.Round(time.Millisecond),
				(after.TotalAlloc-before.TotalAlloc)>>20, (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>20, err)
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error: %v", err)
			}
			if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 128<<20 {
				t.Errorf("%d MB are kept", kept>>20)
			}
			runtime.KeepAlive(found)
		})
	}
}

// TestScanBudget reads many archives that expand to much: the work of all of
// them is bounded, and an ordinary archive is read all the same.
func TestScanBudget(t *testing.T) {
	s := &Scan{beyond: maxBeyond - 1<<20}
	bomb := zipped(t, "META-INF/MANIFEST.MF", "Bundle-Version: 1\n", "lib/x.jar", strings.Repeat("a", 20<<20))
	if _, err := Read(bomb, s); err == nil {
		t.Error("no error for a large archive")
	}
	if s.beyond != maxBeyond {
		t.Errorf("%d bytes are left", maxBeyond-s.beyond)
	}
	incompressible := make([]byte, 20<<10)
	rand.NewChaCha8([32]byte{}).Read(incompressible)
	plain := zipped(t, "META-INF/MANIFEST.MF", "Bundle-Version: 1\n", "A.class", string(incompressible))
	if found, err := Read(plain, s); err != nil || len(found) != 1 {
		t.Errorf("%d found, %v", len(found), err)
	}
	full := &Scan{written: MaxTemporary - 1000}
	if found, err := Read(zipped(t, "META-INF/MANIFEST.MF", "Bundle-Version: 1\n", "lib/x.jar", strings.Repeat("a", 2000)), full); len(found) != 1 || !errors.Is(err, errTemporary.error) {
		t.Errorf("%d found, %v", len(found), err)
	}
}
