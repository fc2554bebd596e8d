package rpmdb

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

// fixtures are the databases in github.com/anchore/go-rpmdb, taken from
// published images, and the output of "rpm -qa" for them.
var fixtures = []struct {
	file    string
	backend Backend
	list    string
}{
	{"centos5-plain/Packages", BerkeleyDB, "CentOS5Plain"},
	{"centos6-plain/Packages", BerkeleyDB, "CentOS6Plain"},
	{"centos6-devtools/Packages", BerkeleyDB, "CentOS6DevTools"},
	{"centos6-many/Packages", BerkeleyDB, "CentOS6Many"},
	{"centos7-plain/Packages", BerkeleyDB, "CentOS7Plain"},
	{"centos7-devtools/Packages", BerkeleyDB, "CentOS7DevTools"},
	{"centos7-many/Packages", BerkeleyDB, "CentOS7Many"},
	{"centos7-python35/Packages", BerkeleyDB, "CentOS7Python35"},
	{"centos7-httpd24/Packages", BerkeleyDB, "CentOS7Httpd24"},
	{"centos8-modularitylabel/Packages", BerkeleyDB, "CentOS8Modularitylabel"},
	{"ubi8-s390x/Packages", BerkeleyDB, "UBI8s390x"}, // big-endian
	{"libuuid/Packages", BerkeleyDB, ""},
	{"sle15-bci/Packages.db", NDB, "SLE15WithNDB"},
	{"fedora35/rpmdb.sqlite", SQLite, "Fedora35WithSQLite3"},
	{"fedora35-plus-mongo/rpmdb.sqlite", SQLite, "Fedora35PlusMongoDBWithSQLite3"},
	{"rockylinux-9/rpmdb.sqlite", SQLite, "Rockylinux9WithSQLite3"},
	{"oraclelinux-9/rpmdb.sqlite", SQLite, "OracleLinux9WithSQLite3"},
	{"cbl-mariner-2.0/rpmdb.sqlite", SQLite, ""},
}

// The smallest of each kind, for tests that read them over and over.
const (
	smallBDB    = "libuuid/Packages"
	smallNDB    = "sle15-bci/Packages.db"
	smallSQLite = "cbl-mariner-2.0/rpmdb.sqlite"
)

// goRPMDB returns the directory of that module.
func goRPMDB(tb testing.TB) string {
	tb.Helper()
	return moduletest.Dir(tb, "github.com/anchore/go-rpmdb")
}

func fixture(tb testing.TB, file string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(goRPMDB(tb), "pkg/testdata", file))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func input(data []byte) Input { return Input{bytes.NewReader(data), int64(len(data))} }

// readAll reads a database. It discards the packages before an error, as
// callers must.
func readAll(backend Backend, data []byte) ([]*Package, error) {
	var out []*Package
	err := Read(context.Background(), Database{Backend: backend, Main: input(data)}, func(p *Package) error {
		out = append(out, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// row formats a package as go-rpmdb's lists do.
func row(p *Package) string {
	epoch := "-"
	if p.Epoch != nil {
		epoch = fmt.Sprint(*p.Epoch)
	}
	return strings.Join([]string{p.Name, epoch, p.Version, p.Release, p.Arch, p.SourceRPM, fmt.Sprint(p.Size), p.Vendor, p.Module}, "|")
}

func rows(packages []*Package) []string {
	var out []string
	for _, p := range packages {
		out = append(out, row(p))
	}
	slices.Sort(out)
	return out
}

// expectation is one line of a list.
type expectation struct {
	row     string
	signers []string
}

// expectations parses the lists in the module's test file, by name.
func expectations(tb testing.TB) map[string][]expectation {
	tb.Helper()
	path := filepath.Join(goRPMDB(tb), "pkg/rpmdb_testcase_test.go")
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		tb.Fatal(err)
	}
	lists := map[string][]expectation{}
	for _, decl := range file.Decls {
		for _, spec := range decl.(*ast.GenDecl).Specs {
			v := spec.(*ast.ValueSpec)
			ast.Inspect(v.Values[0], func(n ast.Node) bool {
				line, ok := n.(*ast.CompositeLit)
				if ok && len(line.Elts) == 14 && line.Type == nil {
					lists[v.Names[0].Name] = append(lists[v.Names[0].Name], expected(tb, line))
				}
				return true
			})
		}
	}
	return lists
}

var keyID = regexp.MustCompile(`Key ID ([0-9a-f]{16})$`)

func expected(tb testing.TB, line *ast.CompositeLit) expectation {
	tb.Helper()
	field := func(i int) string {
		text := line.Elts[i].(*ast.BasicLit).Value
		if text[0] != '"' && text[0] != '`' {
			return text
		}
		s, err := strconv.Unquote(text)
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
	epoch := "-"
	if call := line.Elts[0].(*ast.CallExpr); len(call.Args) == 1 {
		epoch = call.Args[0].(*ast.BasicLit).Value
	}
	e := expectation{row: strings.Join([]string{field(1), epoch, field(2), field(3), field(4), field(5), field(6), field(8), field(9)}, "|")}
	for _, i := range []int{13, 12} {
		if m := keyID.FindStringSubmatch(field(i)); m != nil && !slices.Contains(e.signers, m[1]) && m[1] != "0000000000000000" {
			e.signers = append(e.signers, m[1])
		}
	}
	return e
}
