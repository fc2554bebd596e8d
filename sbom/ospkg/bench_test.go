package ospkg

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/rootfs"
)

// BenchmarkOpen reads the database of a root file system: the one that
// DEPAUDIT_BENCH_ROOT names, or a generated one of 200 packages and 40,000
// files.
func BenchmarkOpen(b *testing.B) {
	root := os.Getenv("DEPAUDIT_BENCH_ROOT")
	if root == "" {
		root = generate(b, 200, 200)
	}
	t, err := openTree(b, root)
	if err != nil {
		b.Fatal(err)
	}
	release, err := rootfs.Release(t)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var db *DB
	for b.Loop() {
		if db, err = Open(context.Background(), t, release.OS); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(db.Listed), "paths")
	b.ReportMetric(float64(len(db.Components)), "packages")
}

// generate makes a root with packages of that many files each.
func generate(tb testing.TB, packages, files int) string {
	root := tb.TempDir()
	var status strings.Builder
	for i := range packages {
		name := fmt.Sprintf("package%d", i)
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.%d-1\nDepends: package%d (>= 1.0)\n\n", name, i, i/2)
		var list strings.Builder
		list.WriteString("/.\n/usr\n/usr/share\n")
		for j := range files {
			if j%20 == 0 {
				fmt.Fprintf(&list, "/usr/share/%s/part%d\n", name, j)
			}
			path := fmt.Sprintf("/usr/share/%s/part%d/file%d", name, j/20*20, j)
			writeFile(tb, root, path, "")
			list.WriteString(path + "\n")
		}
		writeFile(tb, root, dpkgInfo+"/"+name+".list", list.String())
	}
	writeFile(tb, root, dpkgStatus, status.String())
	writeFile(tb, root, "/etc/os-release", "ID=debian\nVERSION_ID=12\n")
	return root
}

// BenchmarkApk reads a database of 39 packages and 66,000 paths, 4.6 MB, in an
// environment without the files.
func BenchmarkApk(b *testing.B) {
	t, err := openTree(b, files{apkDir + apkInstalled: readFile(b, syft(b), "alpine/testdata/very-large-entries"), "/usr/": ""}.plant(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var db *DB
	for b.Loop() {
		if db, err = Open(context.Background(), t, alpine); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(db.Listed), "paths")
}
