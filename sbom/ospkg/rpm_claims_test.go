package ospkg

import (
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// rpmHeader writes a header as rpm does, without a region. The tags are from
// include/rpm/rpmtag.h.
type rpmHeader struct{ table, data []byte }

func (h *rpmHeader) add(tag, kind, count uint32, value []byte) {
	for kind == 4 && len(h.data)%4 != 0 || kind == 3 && len(h.data)%2 != 0 {
		h.data = append(h.data, 0)
	}
	for _, n := range []uint32{tag, kind, uint32(len(h.data)), count} {
		h.table = binary.BigEndian.AppendUint32(h.table, n)
	}
	h.data = append(h.data, value...)
}

func (h *rpmHeader) text(tag uint32, s string) { h.add(tag, 6, 1, append([]byte(s), 0)) }

func (h *rpmHeader) texts(tag uint32, list []string) {
	h.add(tag, 8, uint32(len(list)), []byte(strings.Join(list, "\x00")+"\x00"))
}

func (h *rpmHeader) blob() []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(h.table)/16))
	out = binary.BigEndian.AppendUint32(out, uint32(len(h.data)))
	return append(append(out, h.table...), h.data...)
}

// rpmPackage returns a package with files: "path content", and "?" for the
// content of a ghost.
func rpmPackage(name string, list ...string) []byte {
	h := &rpmHeader{}
	h.text(1000, name)
	h.text(1001, "1")
	h.text(1002, "1")
	h.text(1022, "noarch")
	if len(list) == 0 {
		return h.blob()
	}
	var dirs, bases, digests, links []string
	var indexes, flags, modes []byte
	for _, line := range list {
		path, content, _ := strings.Cut(line, " ")
		slash := strings.LastIndexByte(path, '/') + 1
		indexes = binary.BigEndian.AppendUint32(indexes, uint32(len(dirs)))
		dirs, bases = append(dirs, path[:slash]), append(bases, path[slash:])
		flag := uint32(0)
		if content == "?" {
			flag, content = 1<<6, ""
		}
		flags = binary.BigEndian.AppendUint32(flags, flag)
		modes = binary.BigEndian.AppendUint16(modes, 0o100644)
		digests, links = append(digests, content), append(links, "")
	}
	n := uint32(len(list))
	h.add(1030, 3, n, modes)
	h.texts(1035, digests)
	h.texts(1036, links)
	h.add(1037, 4, n, flags)
	h.add(1116, 4, n, indexes)
	h.texts(1117, bases)
	h.texts(1118, dirs)
	return h.blob()
}

// rpmDatabase returns an SQLite database of headers.
func rpmDatabase(t *testing.T, headers ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		if _, err := db.Exec("INSERT INTO Packages (blob) VALUES (?)", h); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestRPMClaims checks files that a package claims and that no package of a
// distribution has, or that another package also has.
func TestRPMClaims(t *testing.T) {
	f := files{
		"/usr/bin/a": "", "/usr/share/same": "", "/usr/share/other": "", "/var/log/ghost": "", "/home/x/tool": "", "/usr/local/bin/tool": "",
		"/venv/pyvenv.cfg": "", "/venv/bin/x": "", "/root/.bashrc": "", "/root/.profile": "",
	}
	f["/var/lib/rpm/rpmdb.sqlite"] = rpmDatabase(t,
		rpmPackage("first", "/usr/bin/a 01", "/usr/share/same 02", "/usr/share/other 03", "/var/log/ghost 04"),
		rpmPackage("second", "/usr/share/same 02", "/usr/share/other 99", "/var/log/ghost ?", "/usr/bin/gone 05"),
		rpmPackage("claims", "/home/x/tool 06", "/usr/local/bin/tool 07", "/venv/bin/x 08", "/root/.profile 09"),
		rpmPackage("rootfiles", "/root/.bashrc 10"),
		rpmPackage("odd", "usr/bin/a 11", "/usr/../usr/bin/b 12", "/usr//bin/c 13"),
		rpmPackage("filesystem"),
	)
	tree, db, err := f.open(t, fedora35)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/usr/bin/a": "first", "/usr/share/same": "first", "/usr/share/other": "first", "/home/x/tool": "", "/usr/local/bin/tool": "",
		"/venv/bin/x": "", "/root/.bashrc": "", "/root/.profile": "",
	} {
		if got := owner(t, tree, db, path); got != want {
			t.Errorf("%s belongs to %q, want %q", path, got, want)
		}
	}
	if db.Listed != 15 || db.Absent != 1 {
		t.Errorf("%d listed, %d absent", db.Listed, db.Absent)
	}
	var got []string
	for _, line := range noticeDetails(db) {
		line, _, _ = strings.Cut(line, ", where")
		got = append(got, line)
	}
	slices.Sort(got)
	want := []string{
		"claimed-files /home/x/tool: claims lists a file in /home",
		"claimed-files /root/.profile: claims lists a file in /root",
		"claimed-files /usr/local/bin/tool: claims lists a file in /usr/local",
		"claimed-files /usr/share/other: first and second both list a file; neither replaces the other",
		"claimed-files /venv/bin/x: claims lists a file in the virtual environment /venv",
	}
	if !slices.Equal(got, want) {
		t.Errorf("notices\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := gapDetails(db); len(got) != 1 || !strings.Contains(got[0], `file list of package odd: path "usr/bin/a" is relative; 3 files like this are ignored`) {
		t.Errorf("gaps %q", got)
	}
}

// TestRPMNames checks that a database with an invalid package name is refused.
func TestRPMNames(t *testing.T) {
	for _, name := range []string{"a b", "a/b", "a@1", "a?b", "a\x1b[31m", "\u202egpj", "a\nb"} {
		_, db, err := files{"/var/lib/rpm/rpmdb.sqlite": rpmDatabase(t, rpmPackage(name))}.open(t, fedora35)
		if err == nil || db != nil || !strings.Contains(err.Error(), "is not the name of a package") || strings.ContainsAny(err.Error(), "\x1b\u202e\n") {
			t.Errorf("%q: %v", name, err)
		}
	}
	// Two of one version count once and have a notice.
	_, db, err := files{"/var/lib/rpm/rpmdb.sqlite": rpmDatabase(t, rpmPackage("twice"), rpmPackage("twice"))}.open(t, fedora35)
	if err != nil || len(db.Notices) != 1 || !strings.Contains(db.Notices[0].Detail, "is listed twice") {
		t.Errorf("%v, %q", err, noticeDetails(db))
	}
	// A package that only takes the name of a key.
	_, db, err = files{"/var/lib/rpm/rpmdb.sqlite": rpmDatabase(t, rpmPackage("gpg-pubkey", "/usr/bin/x 1"))}.open(t, fedora35)
	if err != nil || len(db.Components) != 1 || len(db.Excluded) != 0 {
		t.Errorf("%v, %+v", err, db)
	}
}
