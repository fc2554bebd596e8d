// Package oracle compares the readers that replace catalogers of syft with
// those catalogers. It is a package of its own because its test links all of
// syft, which takes longer than the tests of package catalogers take to run.
package oracle

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"compress/zlib"
	"context"
	"database/sql"
	"database/sql/driver"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/anchore/packageurl-go"
	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/pkg"
	"github.com/anchore/syft/syft/source/directorysource"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/depaudit/depaudit/sbom/catalogers"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// noDriver is the database driver that syft's reader of RPM databases insists
// on. There is no such database here.
type noDriver struct{}

func (noDriver) Open(string) (driver.Conn, error) { return nil, errors.New("there is no database") }

// licences is a context with a licence scanner, which takes syft most of a
// second to build.
var licences = sync.OnceValues(func() (context.Context, error) {
	if !slices.Contains(sql.Drivers(), "sqlite") {
		sql.Register("sqlite", noDriver{})
	}
	return syft.SetContextLicenseScanner(context.Background(), cataloging.DefaultLicenseConfig())
})

// evidence is one package at one path.
type evidence struct{ By, Path, PURL, Name, Version string }

func key(by, path, purl, name, version string) evidence {
	version = known(version)
	if purl != "" {
		return evidence{By: by, Path: path, PURL: purl}
	}
	return evidence{By: by, Path: path, Name: name, Version: version}
}

// known returns a version, and "" for syft's stub for a missing one.
func known(version string) string {
	if version == "UNKNOWN" {
		return ""
	}
	return version
}

// ofSyft returns what syft's own catalogers find in a directory.
func ofSyft(t *testing.T, root string, names ...string) map[evidence]bool {
	t.Helper()
	ctx, err := licences()
	if err != nil {
		t.Fatal(err)
	}
	src, err := directorysource.New(directorysource.Config{Path: root, Base: root})
	if err != nil {
		t.Fatal(err)
	}
	cfg := syft.DefaultCreateSBOMConfig().WithoutFiles().
		WithCatalogerSelection(cataloging.NewSelectionRequest().WithDefaults(names...))
	result, err := syft.CreateSBOM(ctx, src, cfg)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[evidence]bool)
	for p := range result.Artifacts.Packages.Enumerate() {
		for _, l := range p.Locations.ToSlice() {
			if kind := l.Annotations[pkg.EvidenceAnnotationKey]; kind == "" || kind == pkg.PrimaryEvidenceAnnotation {
				purl := p.PURL
				if purl == "" && p.FoundBy == "pe-binary-package-cataloger" {
					// A document has a package URL for every component.
					purl = packageurl.NewPackageURL("generic", "", p.Name, known(p.Version), nil, "").ToString()
				}
				out[key(p.FoundBy, path.Clean("/"+l.RealPath), purl, p.Name, p.Version)] = true
			}
		}
	}
	return out
}

// ofOurs returns what our readers find in a directory, and their problems.
func ofOurs(t *testing.T, root string, names ...string) (map[evidence]bool, []catalogers.Problem) {
	t.Helper()
	tree, err := rootfs.Open(t.Context(), rootfs.Ref{Scheme: rootfs.SchemeDir, Path: root}, rootfs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	view := catalogers.View{Tree: tree, Visible: func(rootfs.Node) bool { return true }}
	for n := range rootfs.Node(tree.Len()) {
		if kind := executable(tree, n); kind != 0 {
			view.Executables = append(view.Executables, catalogers.Executable{Node: n, Type: kind})
		}
	}
	found, problems, err := catalogers.Run(t.Context(), view)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[evidence]bool)
	for _, f := range found {
		if !slices.Contains(names, f.Cataloger) {
			continue
		}
		for _, p := range primary(f) {
			e := key(f.Cataloger, p, f.PURL, f.Name, f.Version)
			out[e] = true
		}
	}
	return out, problems
}

// primary is the evidence that identifies a package: for one that several
// files identify, all of it.
func primary(f catalogers.Found) []string {
	if f.Classifier || f.Cataloger == "dotnet-deps-binary-cataloger" {
		return []string{f.Path}
	}
	return f.Paths
}

func executable(tree *rootfs.Tree, n rootfs.Node) catalogers.ExecutableType {
	if tree.Kind(n) != rootfs.File {
		return 0
	}
	f, err := tree.OpenFile(n)
	if err != nil {
		return 0
	}
	defer f.Close()
	var head [18]byte
	if got, _ := f.ReadAt(head[:], 0); got < len(head) {
		return 0
	}
	switch {
	case string(head[:4]) == elf.ELFMAG:
		kind := elf.Type(head[16])
		if head[elf.EI_DATA] == byte(elf.ELFDATA2MSB) {
			kind = elf.Type(head[17])
		}
		if kind == elf.ET_EXEC || kind == elf.ET_DYN {
			return catalogers.ELF
		}
		return catalogers.ELFObject
	case string(head[:2]) == "MZ":
		return catalogers.PE
	case string(head[:4]) == "\xcf\xfa\xed\xfe" || string(head[:4]) == "\xca\xfe\xba\xbe" && head[7] < 20:
		return catalogers.MachO
	}
	return 0
}

// compare checks that syft's catalogers and our readers find the same.
func compare(t *testing.T, root string, names ...string) int {
	t.Helper()
	theirs := ofSyft(t, root, names...)
	ours, problems := ofOurs(t, root, names...)
	order := func(m map[evidence]bool) []evidence {
		return slices.SortedFunc(maps.Keys(m), func(a, b evidence) int {
			return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.By, b.By), cmp.Compare(a.PURL, b.PURL), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
		})
	}
	if diff := gocmp.Diff(order(theirs), order(ours)); diff != "" {
		t.Errorf("-syft +ours:\n%s\nproblems: %+v", diff, problems)
	}
	t.Logf("%d packages", len(ours))
	return len(ours)
}

// replaced are the catalogers of syft that readers of ours replace.
var replaced = []string{
	"binary-classifier-cataloger", "bitnami-cataloger", "cargo-auditable-binary-cataloger", "conan-info-cataloger",
	"dotnet-deps-binary-cataloger", "elf-binary-package-cataloger", "go-module-binary-cataloger", "graalvm-native-image-cataloger",
	"java-archive-cataloger", "java-jvm-cataloger", "linux-kernel-cataloger", "pe-binary-package-cataloger",
	"php-composer-installed-cataloger", "php-interpreter-cataloger", "php-pear-serialized-cataloger",
}

// syftDir is where the module cache has syft, with the files that syft tests
// its own catalogers with.
func syftDir(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anchore/syft")
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestClassifiers compares the classes on syft's samples of released
// binaries: each sample is an environment of its own.
func TestClassifiers(t *testing.T) {
	root := filepath.Join(syftDir(t), "syft/pkg/cataloger/binary/testdata/classifiers")
	dirs := make(map[string]bool) // snippets/NAME/VERSION/PLATFORM, and negative/NAME
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(root, filepath.Dir(p))
			parts := strings.Split(rel, string(filepath.Separator))
			dirs[filepath.Join(root, filepath.Join(parts[:min(len(parts), 4)]...))] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		name, _ := filepath.Rel(root, dir)
		t.Run(name, func(t *testing.T) {
			total += compare(t, dir, "binary-classifier-cataloger", "php-interpreter-cataloger")
		})
	}
	t.Logf("%d directories, %d packages", len(dirs), total)
	if total < 250 {
		t.Errorf("only %d packages are recognised: are the samples there?", total)
	}
}

func TestTestdata(t *testing.T) {
	base := filepath.Join(syftDir(t), "syft/pkg/cataloger")
	for _, name := range []string{"binary", "bitnami", "cpp", "dotnet", "golang", "java", "kernel", "php", "rust"} {
		t.Run(name, func(t *testing.T) { t.Log(compare(t, filepath.Join(base, name, "testdata"), replaced...)) })
	}
}

// debian are packages of Debian 12 with what the readers read: Java archives,
// .NET assemblies, PHP's extensions, Go programs, native Windows programs.
var debian = []string{
	"erlang-base", "gh", "haproxy", "libapache2-mod-php8.2", "libbcprov-java", "libcommons-lang3-java", "libguava-java",
	"libjackson2-databind-java", "liblog4j2-java", "libmaven3-core-java", "libmono-corlib4.5-cil", "libmono-system-core4.0-cil",
	"libmono-system4.0-cil", "libnetty-java", "libnewtonsoft-json5.0-cil", "libnunit-console-runner2.6.3-cil", "libruby3.1",
	"libspring-core-java", "libspring-web-java", "libtomcat10-java", "libwine", "nginx", "php-apcu", "php-pear", "php8.2-common",
	"php8.2-fpm", "php8.2-mysql", "php8.2-zip", "redis-server", "restic", "ruby3.1",
}

// TestDebianPackages unpacks packages of Debian, each into a directory of its
// own, without the database that would own the files.
func TestDebianPackages(t *testing.T) {
	if os.Getenv("DEPAUDIT_E2E") == "" {
		t.Skip("needs apt, dpkg and a Debian mirror: set DEPAUDIT_E2E=1")
	}
	debs := os.Getenv("DEPAUDIT_E2E_DEBS")
	if debs == "" {
		debs = t.TempDir()
		run(t, debs, "apt-get", append([]string{"download", "-q", "-o", "APT::Sandbox::User=root"}, debian...)...)
	}
	for _, name := range debian {
		t.Run(name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(debs, name+"_*.deb"))
			if err != nil || len(files) != 1 {
				t.Fatalf("%q %v", files, err)
			}
			root := t.TempDir()
			run(t, root, "dpkg-deb", "-x", files[0], root)
			t.Log(compare(t, root, replaced...))
		})
	}
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// TestGoPrograms compares the reading of the go command and of programs that
// it builds: from this module, with and without flags that name a version.
func TestGoPrograms(t *testing.T) {
	root := t.TempDir()
	for name, args := range map[string][]string{
		"plain":    nil,
		"stripped": {"-trimpath", "-ldflags=-s -w"},
		"named":    {"-ldflags=-X main.gitVersion=v9.8.7"},
		"tagged":   {"-ldflags=-X github.com/depaudit/depaudit/cmd/depaudit.releaseTag=1.2.3-rc.1"},
		"no-vcs":   {"-buildvcs=false"},
	} {
		args = append([]string{"build", "-o", filepath.Join(root, name)}, args...)
		run(t, ".", "go", append(args, "github.com/depaudit/depaudit/sbom/catalogers/internal/oracle/testdata/program")...)
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "bin/go"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, root, map[string][]byte{"go": data})
	if n := compare(t, root, replaced...); n < 20 {
		t.Errorf("only %d packages", n)
	}
}

func write(t *testing.T, root string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// zipped returns a zip file. Files whose name ends in ".jar" are stored in it,
// others are compressed.
func zipped(t *testing.T, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		h := &zip.FileHeader{Name: entries[i], Method: zip.Deflate}
		if strings.HasPrefix(entries[i], "BOOT-INF/") {
			h.Method = zip.Store
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(entries[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestJavaArchives compares archives of every make: built by Maven, by Gradle
// and by hand, shaded, bundled, for OSGi and Jenkins.
func TestJavaArchives(t *testing.T) {
	properties := func(group, name, version string) string {
		return "# comment\ngroupId=" + group + "\nartifactId:" + name + "\nversion = " + version + "\n"
	}
	pom := func(text string) string {
		return `<?xml version="1.0" encoding="ISO-8859-1"?><project xmlns="http://maven.apache.org/POM/4.0.0">` + text + `</project>`
	}
	const manifest = "META-INF/MANIFEST.MF"
	maven := func(group, name, file string) string { return "META-INF/maven/" + group + "/" + name + "/" + file }
	plain := "Manifest-Version: 1.0\r\n\r\n"
	inner := zipped(t, manifest, plain, maven("org.in", "in", "pom.properties"), properties("org.in", "in", "2.0"))
	root := t.TempDir()
	write(t, root, map[string][]byte{
		"maven-1.0.jar":       zipped(t, manifest, plain, maven("org.x", "maven", "pom.properties"), properties("org.x", "maven", "1.0")),
		"renamed.jar":         zipped(t, manifest, plain, maven("org.x", "other", "pom.properties"), properties("org.x", "other", "1.0")),
		"parent-1.1.jar":      zipped(t, manifest, plain, maven("g", "a", "pom.xml"), pom(`<parent><groupId>org.p</groupId><artifactId>pp</artifactId><version>1.1</version></parent><artifactId>parent</artifactId>`)),
		"props-1.2.jar":       zipped(t, manifest, plain, maven("g", "a", "pom.xml"), pom(`<groupId>${my.group}</groupId><artifactId>props</artifactId><version>${revision}-${project.artifactId}</version><properties><my.group>org.${tail}</my.group><tail>t</tail><revision>7</revision></properties>`)),
		"unknown-1.3.jar":     zipped(t, manifest, plain, maven("g", "a", "pom.xml"), pom(`<groupId>${nowhere}</groupId><artifactId>unknown</artifactId><version>${a}</version><properties><a>${b}</a><b>${a}</b></properties>`)),
		"latin-1.4.jar":       zipped(t, manifest, plain, maven("g", "a", "pom.xml"), pom("<groupId>org.l</groupId><artifactId>latin</artifactId><version>1</version><name>M\xfcller</name>")),
		"shaded-1.5.jar":      zipped(t, manifest, plain, maven("org.x", "shaded", "pom.properties"), properties("org.x", "shaded", "1.5"), maven("org.y", "dep", "pom.properties"), properties("org.y", "dep", "3"), maven("org.y", "dep", "pom.xml"), pom("<artifactId>dep</artifactId>"), maven("org.z", "dep", "pom.properties"), properties("org.z", "dep", "4")),
		"boot-1.6.jar":        zipped(t, manifest, "Main-Class: org.boot.Main\nImplementation-Title: boot\n", "BOOT-INF/lib/in-2.0.jar", string(inner), "BOOT-INF/lib/commons-io-2.11.0.jar", string(zipped(t, manifest, plain))),
		"web-1.7.war":         zipped(t, manifest, plain, "WEB-INF/lib/in-2.0.jar", string(inner), "WEB-INF/lib/broken.jar", "PK\x03\x04", "WEB-INF/lib/text.txt", "x"),
		"app-1.8.ear":         zipped(t, manifest, plain, "web.war", string(zipped(t, manifest, plain, "WEB-INF/lib/in.jar", string(inner)))),
		"commons-lang3.jar":   zipped(t, manifest, "Implementation-Version: 3.12\nImplementation-Vendor: org.apache\n"),
		"guava-33.0-jre.jar":  zipped(t, manifest, plain),
		"osgi.jar":            zipped(t, manifest, "Created-By: Apache Maven Bundle Plugin\nBundle-SymbolicName: org.osgi.thing;singleton:=true\nBundle-Version: 5\n"),
		"long_1.9.jar":        zipped(t, manifest, "Bundle-Name: a name that is contin\n ued\nbroken line\nSpecification-Vendor: com.vendor\n\nName: section\nBundle-Version: 9\n"),
		"org.dots.name-2.jar": zipped(t, manifest, "Group-Id: org.dots.group#x\n"),
		"org.eclipse.x_3.jar": zipped(t, manifest, "Bundle-SymbolicName: org.eclipse.x\n"),
		"r-r4-2009.jar":       zipped(t, manifest, plain),
		"x-build235-rc5.jar":  zipped(t, manifest, plain),
		"metabase.jar":        zipped(t, manifest, "Main-Class: metabase.core\n", "version.properties", "tag=v0.63.5\nother=1\n"),
		"plugin.hpi":          zipped(t, manifest, "Plugin-Version: 1.2\nShort-Name: plugin\nGroup-Id: org.jenkins-ci.plugins\n"),
		"woven.jar":           zipped(t, manifest, "Weave-Classes: x\nImplementation-Version: 1\n"),
		"empty.jar":           zipped(t, "x", "y"),
		"netty-4.1.jar":       zipped(t, manifest, "Automatic-Module-Name: io.netty.all\n"),
		"lz4-java-1.8.jar":    zipped(t, manifest, "Bundle-SymbolicName: org.lz4.java\n"),
		"dist.zip":            zipped(t, "lib/in.jar", string(inner), "README", "x"),
		"script.jar":          append([]byte("#!/bin/sh\nexec java -jar $0\n"), zipped(t, manifest, plain, maven("org.s", "script", "pom.properties"), properties("org.s", "script", "1"))...),
		"jdk/release":         []byte("IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_VERSION=\"21.0.4\"\nJAVA_RUNTIME_VERSION=\"21.0.4+7-LTS\"\nSOURCE_REPO=\"https://github.com/adoptium/jdk21u.git\"\n"),
		"jdk/bin/javac":       []byte("x"),
		"zulu8/release":       []byte("JAVA_VERSION=\"1.8.0_422\"\nFULL_VERSION=\"8.0.422+5\"\n"),
		"oracle-jre/release":  []byte("JAVA_VERSION=\"22.0.2\"\nIMAGE_TYPE=\"JRE\"\n"),
		"distro/release":      []byte("NAME=x\n"),
	})
	if n := compare(t, root, replaced...); n < 35 {
		t.Errorf("only %d packages", n)
	}
}

// TestOthers compares the remaining formats, on files in all their forms.
func TestOthers(t *testing.T) {
	root := t.TempDir()
	deps := []byte(`{"runtimeTarget": {"name": ".NETCoreApp,Version=v8.0"}, "targets": {".NETCoreApp,Version=v8.0": {
		"App/1.0.0": {"dependencies": {"Humanizer": "2.14.1", "Analyzer": "1.0.0", "Meta": "1.0.0", "Lib": "1.0.0"}, "runtime": {"App.dll": {}}},
		"Humanizer/2.14.1": {"runtime": {"lib/net6.0/Humanizer.dll": {"assemblyVersion": "2.14.0.0"}}},
		"Analyzer/1.0.0": {}, "Meta/1.0.0": {"dependencies": {"Humanizer": "2.14.1"}}, "Lib/1.0.0": {"runtime": {"Lib.dll": {}}},
		"Native/2.0.0": {"native": {"runtimes/linux-x64/native/libx.so": {}}}, "Ref/1.0.0": {"compile": {"Ref.dll": {}}},
		"Microsoft.NETCore.App.Runtime.linux-x64/8.0.1": {"runtime": {"System.dll": {}}}}},
		"libraries": {"App/1.0.0": {"type": "project"}, "Lib/1.0.0": {"type": "project"}, "Humanizer/2.14.1": {"type": "package", "sha512": "x", "path": "humanizer/2.14.1"},
		"Analyzer/1.0.0": {"type": "package"}, "Meta/1.0.0": {"type": "package"}, "Native/2.0.0": {"type": "package"}, "Ref/1.0.0": {"type": "referenceassembly"}}}`)
	write(t, root, map[string][]byte{
		"app/App.deps.json":                                            deps,
		"app/libman.json":                                              []byte(`{"defaultProvider": "cdnjs", "libraries": [{"library": "jquery@3.6.0"}, {"library": "x", "provider": "filesystem"}, {"library": "@a/b@1"}]}`),
		"packed/T.deps.json":                                           []byte(`{"targets": {"x": {"T/1.0.0": {"dependencies": {"ILMerge": "3"}}, "ILMerge/3": {}, "Merged/4": {}}}, "libraries": {"T/1.0.0": {"type": "project"}}}`),
		"v2/vendor/composer/installed.json":                            []byte(`{"packages": [{"name": "a/b", "version": "v1.0"}, {"name": "plain", "version": "2"}, {"name": "a/b/c", "version": "3"}], "dev": true}`),
		"v1/vendor/composer/installed.json":                            []byte(`[{"name": "old/one", "version": "1.0.0"}]`),
		"usr/share/php/.registry/.channel.pecl.php.net/x.reg":          []byte(`a:3:{s:4:"name";s:4:"apcu";s:7:"channel";s:12:"pecl.php.net";s:7:"version";a:1:{s:7:"release";s:6:"5.1.22";}}`),
		"usr/share/php/.registry/old.reg":                              []byte(`a:2:{s:4:"name";s:3:"old";s:7:"version";a:2:{i:0;b:1;s:7:"release";s:3:"1.0";}}`),
		"home/u/.conan/data/zlib/1.2.13/_/_/package/abc/conaninfo.txt": []byte("[settings]\n    os=Linux\n\n[full_requires]\n    openssl/3.0.8@user/stable:5ab84d6acfe1f23c4fae0ab88f26e3a396351ac9\n\n[recipe_hash]\n    xyz\n\n"),
		"opt/bitnami/.bitnami_components.json":                         []byte(`{"redis": {"arch": "amd64", "distro": "debian-11", "type": "NAMI", "version": "7.0.5-1"}, "x": {"version": "1"}}`),
		"boot/vmlinuz-6":                                               kernelImage("6.1.0-18-amd64 (debian-kernel@lists.debian.org) #1 SMP"),
		"boot/vmlinuz-none":                                            []byte("no kernel"),
		"lib/modules/6/a.ko":                                           elfFile(map[string][]byte{".modinfo": []byte("name=a\x00version=1.5\x00vermagic=6.1.0 SMP\x00parm=x:text\x00")}),
		"lib/modules/6/b.ko.gz":                                        gzipped(elfFile(map[string][]byte{".modinfo": []byte("name=b\x00vermagic=6.1.0 SMP\x00")})),
		"lib/modules/6/c.ko":                                           elfFile(map[string][]byte{".modinfo": []byte("name=c\x00")}),
		"bin/audited":                                                  elfFile(map[string][]byte{".dep-v0": deflated(`{"packages": [{"name": "app", "version": "0.1.0", "source": "local", "root": true, "dependencies": [1]}, {"name": "serde", "version": "1.0.1", "source": "crates.io"}, {"name": "cc", "version": "1", "source": "crates.io", "kind": "build"}]}`)}),
		"bin/noted":                                                    elfFile(map[string][]byte{".note.package": []byte(`{"type": "deb", "os": "debian", "osVersion": "12", "name": "noted", "version": "1-2", "architecture": "amd64"}`)}),
		"bin/noted-with-header":                                        elfFile(map[string][]byte{".note.package": append(make([]byte, 16), []byte(`{"type": "rpm", "osCpe": "cpe:/o:fedoraproject:fedora:38", "name": "headed", "version": "2"}`+"\x00\x00")...)}),
		"bin/noted-again":                                              elfFile(map[string][]byte{".note.package": []byte(`{"system": "sys", "name": "free", "version": "3"}`)}),
	})
	if n := compare(t, root, replaced...); n < 25 {
		t.Errorf("only %d packages", n)
	}
}

func kernelImage(version string) []byte {
	b := make([]byte, 4096)
	copy(b[514:], "HdrS")
	binary.LittleEndian.PutUint16(b[510:], 0xaa55)
	binary.LittleEndian.PutUint16(b[518:], 0x20f)
	binary.LittleEndian.PutUint16(b[526:], 0x800)
	b[529] = 1
	copy(b[0xa00:], version)
	return b
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func deflated(text string) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}

// elfFile is a shared library for x86-64 with these sections.
func elfFile(sections map[string][]byte) []byte {
	names := []byte("\x00.shstrtab\x00")
	headers := []elf.Section64{{}, {Name: 1, Type: uint32(elf.SHT_STRTAB)}}
	var body []byte
	const start = 64
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		headers = append(headers, elf.Section64{Name: uint32(len(names)), Type: uint32(elf.SHT_PROGBITS), Off: start + uint64(len(body)), Size: uint64(len(sections[name])), Addralign: 1})
		names = append(append(names, name...), 0)
		body = append(body, sections[name]...)
	}
	headers[1].Off, headers[1].Size, headers[1].Addralign = start+uint64(len(body)), uint64(len(names)), 1
	body = append(body, names...)
	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: start + uint64(len(body)), Ehsize: start, Shentsize: 64, Shnum: uint16(len(headers)), Shstrndx: 1}
	copy(h.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, h)
	b.Write(body)
	binary.Write(&b, binary.LittleEndian, headers)
	return b.Bytes()
}

// TestComposer compares what Composer itself installs, from packages in
// directories: no network is needed.
func TestComposer(t *testing.T) {
	if _, err := exec.LookPath("composer"); err != nil {
		t.Skip("there is no composer")
	}
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	write(t, dir, map[string][]byte{
		"packages/log/composer.json":     []byte(`{"name": "acme/log", "version": "1.2.3", "license": "MIT"}`),
		"packages/console/composer.json": []byte(`{"name": "acme/console", "version": "v2.0.0-beta1", "require": {"acme/log": "^1.0"}}`),
		"root/composer.json": []byte(`{"require": {"acme/console": "2.0.0-beta1"}, "require-dev": {"acme/log": "*"},
			"repositories": [{"type": "path", "url": "../packages/*", "options": {"symlink": false}}, {"packagist.org": false}]}`),
	})
	t.Setenv("COMPOSER_ALLOW_SUPERUSER", "1")
	t.Setenv("COMPOSER_HOME", filepath.Join(dir, "home"))
	run(t, root, "composer", "install", "--no-interaction", "--no-scripts", "--no-plugins")
	if n := compare(t, root, replaced...); n != 2 {
		t.Errorf("%d packages, want 2", n)
	}
}
