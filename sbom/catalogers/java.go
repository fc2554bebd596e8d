package catalogers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"path"
	"strings"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/pkg"

	"github.com/depaudit/depaudit/sbom/catalogers/internal/jar"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// newArchives reads Java archives, and zip files with Java archives in them.
func newArchives() *reader {
	r := &reader{name: "java-archive-cataloger"}
	r.find = func(_ context.Context, f *finder) {
		space := new(jar.Scan)
		for _, kind := range []struct {
			globs []string
			read  func(jar.Archive, *jar.Scan) ([]jar.Artifact, error)
		}{
			{[]string{"**/*.jar", "**/*.war", "**/*.ear", "**/*.par", "**/*.sar", "**/*.nar", "**/*.jpi", "**/*.hpi", "**/*.kar", "**/*.far",
				"**/*.lpkg", "**/*.rar", "**/*.zap"}, jar.Read},
			{[]string{"**/*.zip"}, jar.ReadBundled},
		} {
			f.each(f.glob(kind.globs...), func(at file.Location, c rootfs.Content) error {
				size, err := sizeOf(c)
				if err != nil {
					return err
				}
				found, err := kind.read(jar.Archive{Name: at.Path(), Reader: c, Size: size}, space)
				for i := range found {
					f.add(r.name, at, javaPackage(at, &found[i]))
				}
				return err
			})
		}
	}
	return r
}

func javaPackage(at file.Location, a *jar.Artifact) pkg.Package {
	group := a.Group()
	if group == "" {
		group = a.Name
	}
	m := pkg.JavaArchive{VirtualPath: at.RealPath + a.Within}
	if a.SHA1 != "" {
		m.ArchiveDigests = []file.Digest{{Algorithm: "sha1", Value: a.SHA1}}
	}
	if a.SHA256 != "" {
		m.ArchiveDigests = append(m.ArchiveDigests, file.Digest{Algorithm: "sha256", Value: a.SHA256})
	}
	return pkg.Package{Name: a.Name, Version: a.Version, Type: pkg.JavaPkg, Metadata: m,
		PURL: packageurl.NewPackageURL(packageurl.TypeMaven, group, a.Name, a.Version, nil, "").ToString()}
}

// maxRelease is the size of the release file of a Java runtime. Real ones have
// 2 KB.
const maxRelease = 500 << 10

// newJVM reads the release file at the root of a Java runtime
// (https://openjdk.org/jeps/223).
func newJVM() *reader {
	r := &reader{name: "java-jvm-cataloger"}
	r.find = func(_ context.Context, f *finder) {
		f.each(f.glob("**/release"), func(at file.Location, c rootfs.Content) error {
			data, err := readAll(c, maxRelease)
			if tooLarge := (*rootfs.LimitError)(nil); errors.As(err, &tooLarge) {
				return nil // a large file of this name is not a JDK's
			}
			if err != nil {
				return err
			}
			release := parseRelease(data)
			version := release.version()
			if version == "" {
				return nil
			}
			jdk := false
			var files []string
			for _, l := range f.glob(path.Dir(at.Path()) + "/**") {
				files = append(files, l.Path())
				jdk = jdk || strings.HasSuffix(l.Path(), "bin/javac")
			}
			vendor, product := release.product(at.RealPath, jdk)
			var qualifiers packageurl.Qualifiers
			for _, key := range []string{"SOURCE_REPO", "BUILD_SOURCE_REPO"} {
				if v := release[key]; v != "" {
					qualifiers = packageurl.Qualifiers{{Key: "repository_url", Value: v}}
					break
				}
			}
			f.add(r.name, at, pkg.Package{Name: product, Version: version, Type: pkg.BinaryPkg,
				PURL:     packageurl.NewPackageURL(packageurl.TypeGeneric, vendor, product, version, qualifiers, "").ToString(),
				Metadata: pkg.JavaVMInstallation{Files: files}})
			return nil
		})
	}
	return r
}

// jvmRelease are the lines KEY="value" of a release file.
type jvmRelease map[string]string

func parseRelease(data []byte) jvmRelease {
	r := make(jvmRelease)
	s := bufio.NewScanner(bytes.NewReader(data))
	s.Buffer(nil, maxRelease+1)
	for s.Scan() {
		if key, value, ok := strings.Cut(s.Text(), "="); ok {
			r[key] = strings.Trim(value, `"`)
		}
	}
	return r
}

// version returns the version of the runtime, empty when the file is not a
// runtime's. FULL_VERSION counts if it is of the same release: Java 8 is
// called both 1.8 and 8.
func (r jvmRelease) version() string {
	runtime, full, java := r["JAVA_RUNTIME_VERSION"], r["FULL_VERSION"], r["JAVA_VERSION"]
	major := func(v string) string { m, _, _ := strings.Cut(v, "."); return m }
	switch {
	case runtime != "":
		return runtime
	case java == "":
		return ""
	case full != "" && major(full) == major(java):
		return full
	}
	return java
}

// product names the runtime as the National Vulnerability Database does.
func (r jvmRelease) product(path string, jdk bool) (vendor, product string) {
	implementor := strings.ReplaceAll(strings.ToLower(r["IMPLEMENTOR"]), " ", "")
	kit := "jre"
	if jdk || !strings.Contains(strings.ToLower(r["IMAGE_TYPE"]), "jre") {
		kit = "jdk"
	}
	switch {
	case strings.Contains(implementor, "azul") || strings.Contains(path, "zulu"):
		return "azul", "zulu"
	case strings.Contains(implementor, "sun"):
		return "sun", kit
	case strings.Contains(implementor, "ibm") || strings.Contains(path, "/ibm"):
		if jdk {
			return "ibm", "java_sdk"
		}
		return "ibm", "java"
	case strings.Contains(implementor, "oracle") || strings.Contains(path, "oracle") || strings.Contains(r["BUILD_TYPE"], "commercial"):
		return "oracle", kit
	}
	return "oracle", "openjdk"
}
