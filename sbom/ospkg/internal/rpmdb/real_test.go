package rpmdb

import (
	"context"
	"errors"
	"io"
	"path"
	"path/filepath"
	"slices"
	"testing"

	rpmdb "github.com/anchore/go-rpmdb/pkg"
	"github.com/google/go-cmp/cmp"
)

// TestLists compares the databases with rpm's own output.
func TestLists(t *testing.T) {
	lists := expectations(t)
	for _, f := range fixtures {
		if f.list == "" {
			continue
		}
		t.Run(f.file, func(t *testing.T) {
			want := lists[f.list]
			if len(want) < 30 {
				t.Fatalf("list %s has %d packages", f.list, len(want))
			}
			packages, err := readAll(f.backend, fixture(t, f.file))
			if err != nil {
				t.Fatal(err)
			}
			var wantRows []string
			signers := map[string][]string{}
			for _, e := range want {
				wantRows = append(wantRows, e.row)
				signers[e.row] = e.signers
			}
			slices.Sort(wantRows)
			if diff := cmp.Diff(wantRows, rows(packages)); diff != "" {
				t.Errorf("packages (-rpm +ours):\n%s", diff)
			}
			for _, p := range packages {
				// Lists of old systems have no signatures; RSA only.
				for _, id := range signers[row(p)] {
					if !slices.Contains(p.Signers, id) {
						t.Errorf("%s is signed by %s, rpm says %s", p.Name, p.Signers, id)
					}
				}
			}
		})
	}
}

// TestOracle compares files and dependencies with go-rpmdb's.
func TestOracle(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.file, func(t *testing.T) {
			if !slices.Contains([]string{"centos5-plain/Packages", "ubi8-s390x/Packages", smallBDB, smallNDB, smallSQLite, "fedora35/rpmdb.sqlite"}, f.file) {
				t.Skip("takes seconds; TestAgainstRPM has it")
			}
			db, err := rpmdb.Open(filepath.Join(goRPMDB(t), "pkg/testdata", f.file))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			theirs, err := db.ListPackages()
			if err != nil {
				t.Fatal(err)
			}
			ours, err := readAll(f.backend, fixture(t, f.file))
			if err != nil {
				t.Fatal(err)
			}
			if len(ours) != len(theirs) {
				t.Fatalf("%d packages, go-rpmdb has %d", len(ours), len(theirs))
			}
			// Several packages of one version differ in something of that.
			find := func(p *Package) *rpmdb.PackageInfo {
				i := slices.IndexFunc(theirs, func(o *rpmdb.PackageInfo) bool {
					return o.Name == p.Name && o.Version == p.Version && o.Release == p.Release && o.Arch == p.Arch
				})
				if i < 0 {
					return nil
				}
				found := theirs[i]
				theirs = slices.Delete(theirs, i, i+1)
				return found
			}
			files := 0
			for _, p := range ours {
				o := find(p)
				if o == nil {
					t.Errorf("go-rpmdb has no %s", p.Name)
					continue
				}
				files += p.Files.Len()
				compareFiles(t, p, o)
				for what, pair := range map[string][2][]string{
					"provides": {names(p.Provides), o.Provides}, "requires": {names(p.Requires), o.Requires},
				} {
					if !slices.Equal(pair[0], pair[1]) {
						t.Errorf("%s %s %q, go-rpmdb says %q", p.Name, what, pair[0], pair[1])
					}
				}
				if int64(o.InstallTime) != p.InstallTime {
					t.Errorf("%s was installed at %d, go-rpmdb says %d", p.Name, p.InstallTime, o.InstallTime)
				}
			}
			if files == 0 {
				t.Error("no files")
			}
		})
	}
}

func names(ds []Dependency) (out []string) {
	for _, d := range ds {
		out = append(out, d.Name)
	}
	return out
}

func compareFiles(t *testing.T, p *Package, o *rpmdb.PackageInfo) {
	t.Helper()
	theirs, err := o.InstalledFiles()
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for f := range p.Files.All() {
		if i == len(theirs) {
			t.Errorf("%s has %d files, go-rpmdb says %d", p.Name, p.Files.Len(), len(theirs))
			return
		}
		// The other one cleans the path.
		if got := path.Join(f.Dir, f.Base); got != theirs[i].Path {
			t.Errorf("%s: file %q, go-rpmdb says %q", p.Name, got, theirs[i].Path)
		}
		if want := int32(theirs[i].Flags)&rpmdb.RPMFILE_GHOST != 0; f.Ghost != want {
			t.Errorf("%s: %s%s is a ghost: %v", p.Name, f.Dir, f.Base, f.Ghost)
		}
		if want := int32(theirs[i].Flags)&rpmdb.RPMFILE_CONFIG != 0; f.Config != want {
			t.Errorf("%s: %s%s is a configuration: %v", p.Name, f.Dir, f.Base, f.Config)
		}
		i++
	}
	if i != len(theirs) {
		t.Errorf("%s has %d files, go-rpmdb says %d", p.Name, i, len(theirs))
	}
}

// TestDetails checks the values that neither of the others has: versions and
// flags of dependencies, states of files. The expected values are those of rpm
// -q --requires, --provides and --state in the image.
func TestDetails(t *testing.T) {
	packages, err := readAll(SQLite, fixture(t, "fedora35/rpmdb.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*Package{}
	for _, p := range packages {
		byName[p.Name] = p
	}
	bash := byName["bash"]
	if !slices.ContainsFunc(bash.Provides, func(d Dependency) bool { return d.String() == "bash = 5.1.8-2.fc35" }) {
		t.Errorf("bash provides %v", bash.Provides)
	}
	if !slices.ContainsFunc(bash.Requires, func(d Dependency) bool {
		return d.Name == "rpmlib(PayloadIsZstd)" && d.Flags&RPMLib != 0 && d.String() == "rpmlib(PayloadIsZstd) <= 5.4.18-1"
	}) {
		t.Errorf("bash requires %v", bash.Requires)
	}
	// Images are built with tsflags=nodocs: documentation was left out.
	left := 0
	for f := range bash.Files.All() {
		if !f.Installed {
			left++
			if !isDocumentation(f) {
				t.Errorf("%s%s of bash is not installed", f.Dir, f.Base)
			}
		}
	}
	if left == 0 {
		t.Error("all files of bash are installed")
	}
	recommends := 0
	for _, p := range packages {
		recommends += len(p.Recommends)
	}
	if recommends == 0 {
		t.Error("no package recommends another one")
	}
}

func isDocumentation(f File) bool {
	for _, dir := range []string{"/usr/share/doc/", "/usr/share/man/", "/usr/share/info/", "/usr/share/locale/"} {
		if len(f.Dir) >= len(dir)-1 && (f.Dir + f.Base + "/")[:len(dir)] == dir {
			return true
		}
	}
	return false
}

// TestStop checks that an error of the caller and a cancellation end the
// reading.
func TestStop(t *testing.T) {
	for _, f := range []struct {
		file    string
		backend Backend
	}{{"centos5-plain/Packages", BerkeleyDB}, {smallNDB, NDB}, {smallSQLite, SQLite}} {
		data := fixture(t, f.file)
		enough, calls := errors.New("enough"), 0
		err := Read(t.Context(), Database{Backend: f.backend, Main: input(data)}, func(*Package) error {
			calls++
			return enough
		})
		if err != enough || calls != 1 {
			t.Errorf("%s: %v after %d calls", f.file, err, calls)
		}
		ctx, cancel := context.WithCancel(t.Context())
		calls = 0
		err = Read(ctx, Database{Backend: f.backend, Main: input(data)}, func(*Package) error {
			calls++
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) || calls != 1 {
			t.Errorf("%s: %v after %d calls", f.file, err, calls)
		}
	}
}

// TestReadError checks that an I/O error is not reported as damage.
func TestReadError(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, backend := range []Backend{BerkeleyDB, NDB, SQLite} {
		err := Read(t.Context(), Database{Backend: backend, Main: Input{failing{broken}, 1 << 20}}, func(*Package) error { return nil })
		var bad *DamagedError
		if !errors.Is(err, broken) || errors.As(err, &bad) {
			t.Errorf("%s: %v", backend, err)
		}
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

var _ io.ReaderAt = failing{}
