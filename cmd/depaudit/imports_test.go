package main

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path of this module; its root is two directories up.
const (
	module     = "github.com/depaudit/depaudit"
	moduleRoot = "../.."
)

// Packages for tests, which count as test files.
const (
	exportTest = "sbom/internal/exporttest"
	moduleTest = "sbom/moduletest"
	timeTest   = "sbom/timetest"
)

// wordingPackage has the parts of messages that every layer writes.
const wordingPackage = "sbom/wording"

// lazyRegexp is regexp, compiled later.
const lazyRegexp = "sbom/lazyregexp"

// layers has every package of the module with the packages of the module that
// it may import. ARCHITECTURE.md says why.
var layers = map[string][]string{
	"sbom":                       {},
	"sbom/rootfs":                {"sbom", "sbom/ecosystem", "sbom/rootfs/internal/image", "sbom/rootfs/internal/layer", "sbom/rootfs/internal/sums"},
	"sbom/rootfs/internal/image": {"sbom", "sbom/netguard", "sbom/registry"},
	"sbom/rootfs/internal/layer": {"sbom", "sbom/rootfs/internal/sums"},
	"sbom/rootfs/internal/sums":  {},
	"sbom/ospkg":                 {"sbom", "sbom/version", "sbom/ecosystem", "sbom/rootfs", "sbom/rpmheader", "sbom/ospkg/internal/rpmdb"},
	"sbom/ospkg/internal/rpmdb":  {"sbom/rpmheader"},
	"sbom/catalogers": {
		"sbom", "sbom/rootfs", "sbom/catalogers/internal/classify", "sbom/catalogers/internal/dotnet",
		"sbom/catalogers/internal/exe", "sbom/catalogers/internal/jar", "sbom/catalogers/internal/pear",
	},
	"sbom/catalogers/internal/classify": {"sbom/catalogers/internal/exe"},
	"sbom/catalogers/internal/dotnet":   {"sbom/catalogers/internal/exe"},
	"sbom/catalogers/internal/exe":      {},
	"sbom/catalogers/internal/jar":      {"sbom/zipfile"},
	"sbom/catalogers/internal/pear":     {},
	"sbom/catalogers/internal/oracle":   {"sbom/catalogers", "sbom/rootfs"}, // only tests
	"sbom/snapshot":                     {"sbom", "sbom/rootfs", "sbom/strictjson"},
	"sbom/scan":                         {"sbom", "sbom/ecosystem", "sbom/pep508", "sbom/pnpmkey", "sbom/strictjson", "sbom/zipfile", "sbom/rootfs", "sbom/ospkg", "sbom/catalogers", "sbom/snapshot", "sbom/version"},
	"sbom/graph":                        {"sbom"},
	"sbom/diff":                         {"sbom", "sbom/ecosystem", "sbom/graph", "sbom/version"},

	"sbom/strictjson":       {},
	"sbom/internal/draft":   {"sbom", "sbom/ecosystem", "sbom/strictjson"},
	"sbom/internal/license": {"sbom"},
	"sbom/spdx":             {"sbom", "sbom/internal/draft", "sbom/internal/license", "sbom/strictjson"},
	"sbom/cyclonedx":        {"sbom", "sbom/internal/draft", "sbom/internal/license", "sbom/strictjson"},
	"sbom/sbomread":         {"sbom", "sbom/cyclonedx", "sbom/spdx", "sbom/internal/draft", "sbom/strictjson"},

	"lockcheck": {"lockcheck/definition", "lockcheck/internal/syntax", "sbom/ecosystem", "sbom/pep508", "sbom/pnpmkey", "sbom/strictjson", "sbom/version"},

	"lockcheck/internal/syntax": {},
	"lockcheck/definition":      {"lockcheck/internal/syntax", "sbom/strictjson"},

	"lockcheck/trust":    {"sbom/rpmheader"},
	"lockcheck/index":    {"lockcheck", "lockcheck/trust", "sbom/version"},
	"lockcheck/fetch":    {"sbom/netguard"},
	"lockcheck/artifact": {"sbom/ecosystem", "sbom/rpmheader", "sbom/zipfile"},

	// What both sbom and lockcheck use. These import nothing but each other.
	"sbom/ecosystem": {},
	"sbom/netguard":  {},
	"sbom/pnpmkey":   {},
	"sbom/registry":  {"sbom/netguard"},
	"sbom/rpmheader": {},
	"sbom/zipfile":   {},
	"sbom/version":   {"sbom/ecosystem"},
	"sbom/pep508":    {"sbom/ecosystem", "sbom/version"},

	// What every package may import.
	wordingPackage: {},
	lazyRegexp:     {},

	"audit":             {"sbom", "sbom/strictjson", "audit/textfile"},
	"audit/atomicfile":  {},
	"audit/terminal":    {},
	"audit/textfile":    {},
	"audit/config":      {"audit", "audit/atomicfile", "audit/textfile", "sbom"},
	"audit/growth":      {"audit", "sbom/graph"},
	"audit/ledger":      {"audit", "lockcheck", "lockcheck/artifact", "lockcheck/index", "lockcheck/trust", "sbom", "sbom/ecosystem", "sbom/ospkg", "sbom/rootfs", "sbom/rpmheader", "sbom/scan"},
	"audit/baseline":    {"audit", "audit/atomicfile", "audit/growth", "audit/textfile", "sbom", "sbom/strictjson"},
	"audit/judge":       {"audit", "audit/baseline", "audit/config", "audit/growth", "lockcheck", "lockcheck/definition", "sbom", "sbom/ecosystem", "sbom/graph", "sbom/version"},
	"audit/report":      {"audit", "audit/terminal", "sbom", "sbom/graph"},
	"audit/bundle":      {"audit", "audit/report", "audit/terminal", "sbom", "sbom/cyclonedx", "sbom/spdx", "sbom/strictjson"},
	"audit/fleet":       {"audit", "audit/terminal", "sbom", "sbom/version"},
	"audit/fleet/parts": {"audit/atomicfile", "audit/fleet", "sbom/strictjson"},
	"audit/attach":      {"audit/bundle", "sbom/registry", "sbom/strictjson"},
	"audit/explore":     {"audit/terminal", "sbom", "sbom/graph"},
	"audit/propose":     {"audit/terminal", "lockcheck", "lockcheck/definition"},
	"audit/query":       {"audit", "audit/baseline", "audit/growth", "audit/terminal", "sbom", "sbom/diff", "sbom/graph"},

	"audit/pipeline": {
		"audit", "audit/baseline", "audit/config", "audit/judge", "audit/ledger", "audit/textfile", "lockcheck", "lockcheck/definition", "lockcheck/index", "lockcheck/trust",
		"sbom", "sbom/catalogers", "sbom/diff", "sbom/graph", "sbom/rootfs", "sbom/sbomread", "sbom/scan", "sbom/snapshot", "sbom/strictjson",
	},

	"cmd/depaudit": {
		"audit", "audit/atomicfile", "audit/baseline", "audit/config", "audit/explore", "audit/fleet", "audit/fleet/parts", "audit/ledger", "audit/pipeline", "audit/propose", "audit/query", "audit/attach", "audit/bundle", "audit/report", "audit/terminal", "audit/textfile",
		"lockcheck", "lockcheck/artifact", "lockcheck/fetch",
		"sbom", "sbom/catalogers", "sbom/cyclonedx", "sbom/diff", "sbom/graph", "sbom/registry", "sbom/rootfs", "sbom/scan", "sbom/spdx",
		"lockcheck/index", "lockcheck/trust",
	},

	// What tests share. Only tests may import it.
	exportTest: {"sbom"},
	moduleTest: {},
	timeTest:   {},
}

// confined has modules and packages that only these directories may import, in
// the code that is linked. Tests may compare with anything but syft.
var confined = map[string][]string{
	"github.com/anchore/syft":                   {"sbom/catalogers", "sbom/catalogers/internal/jar"},
	"github.com/anchore/stereoscope":            {"sbom/catalogers"},
	"github.com/spdx/tools-golang":              {"sbom/spdx"},
	"github.com/CycloneDX/cyclonedx-go":         {"sbom/cyclonedx"},
	"github.com/olekukonko/tablewriter":         {"audit/terminal"},
	"charm.land/bubbletea":                      {"audit/explore"},
	"github.com/google/go-containerregistry":    {"sbom/registry", "sbom/rootfs/internal/image", "audit/attach"},
	"github.com/klauspost/compress":             {"lockcheck/artifact", "lockcheck/index", "sbom/rootfs/internal/image", "sbom/rootfs/internal/layer", "sbom/catalogers", "sbom/ospkg", "audit/fleet/parts"},
	"github.com/secure-systems-lab":             {"audit/bundle"},
	"github.com/github/go-spdx":                 {"sbom/internal/license"},
	"github.com/zeebo/blake3":                   {"sbom/rootfs/internal/sums", "lockcheck/artifact", "audit/ledger"},
	"github.com/therootcompany/xz":              {"lockcheck/artifact", "lockcheck/index", "sbom/catalogers"},
	"github.com/ProtonMail/go-crypto":           {"lockcheck/trust"},
	"github.com/pierrec/lz4":                    {"lockcheck/index"},
	"github.com/anchore/go-rpmdb":               {},
	"github.com/aquasecurity/go-pep440-version": {"sbom/version", "sbom/pep508"},
	"modernc.org/sqlite":                        {"sbom/ospkg/internal/rpmdb"},
	"database/sql":                              {"sbom/ospkg/internal/rpmdb"},
	"github.com/goccy/go-yaml":                  {"audit/config"},
	"github.com/tailscale/hujson":               {"lockcheck/internal/syntax"},
	"go.yaml.in/yaml/v3":                        {"lockcheck", "lockcheck/definition", "sbom/scan"},
	"mvdan.cc/sh":                               {"lockcheck/definition"},
	"github.com/spf13/cobra":                    {"cmd/depaudit"},
	"github.com/spf13/pflag":                    {"cmd/depaudit"},
	"golang.org/x/term":                         {"cmd/depaudit"},
	"os/exec":                                   {"cmd/depaudit"}, // it starts itself, and git for --policy-from
	"os/signal":                                 {"cmd/depaudit"},
	"flag":                                      {},
	"log":                                       {},
	"log/slog":                                  {},
	"math/rand":                                 {},
	"math/rand/v2":                              {"sbom/registry"},                                                  // only for the time between two tries, so that workers do not come back together
	"net":                                       {"sbom/registry", "sbom/rootfs/internal/image", "lockcheck/fetch"}, // only for an image that the user said is in a registry or an engine, and for "fetch"
	"net/http":                                  {"sbom/registry", "sbom/rootfs/internal/image", "audit/attach", "lockcheck/fetch", "sbom/netguard"},
	"plugin":                                    {},
	"testing":                                   {},
	"github.com/google/go-cmp":                  {},
	"github.com/google/uuid":                    {},
	"github.com/rogpeppe/go-internal":           {},
	"github.com/santhosh-tekuri/jsonschema":     {},
}

// syftInTests are the directories whose tests may import syft: they compare our
// scan with syft's own.
var syftInTests = []string{"sbom/catalogers", "sbom/catalogers/internal/oracle", "sbom/scan"}

func TestImports(t *testing.T) {
	files := sources(t)
	for _, dir := range slices.Sorted(maps.Keys(layers)) {
		if !slices.ContainsFunc(files, func(f source) bool { return f.dir == dir }) {
			t.Errorf("%s is in the table of layers and does not exist", dir)
		}
	}
	for _, f := range files {
		allowed, known := layers[f.dir]
		if !known {
			t.Errorf("%s: package %s has no place in the table of layers; give it one, and a line in ARCHITECTURE.md", f.path, f.dir)
			continue
		}
		for _, spec := range f.ast.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if own, ok := strings.CutPrefix(imported, module+"/"); ok {
				if !f.test && own != wordingPackage && own != lazyRegexp && !slices.Contains(allowed, own) {
					t.Errorf("%s imports %s, which %s may not", f.path, own, f.dir)
				}
				continue
			}
			if f.test {
				if within(imported, "github.com/anchore/syft") && !slices.Contains(syftInTests, f.dir) {
					t.Errorf("%s imports %s, and linking that takes minutes", f.path, imported)
				}
				continue
			}
			for name, dirs := range confined {
				if within(imported, name) && !slices.Contains(dirs, f.dir) {
					t.Errorf("%s imports %s, which only these may: %q", f.path, imported, dirs)
				}
			}
		}
	}
}

// within reports whether a package is in a module or below a package. A name of
// the standard library matches only itself.
func within(imported, name string) bool {
	return imported == name || strings.Contains(name, ".") && strings.HasPrefix(imported, name+"/")
}

// TestNoGlobalState checks that packages have no init function and no state:
// a variable of a package is a table, an error or a pattern that nothing
// writes to, and that is not compiled before it is used.
func TestNoGlobalState(t *testing.T) {
	byDir := map[string][]source{}
	for _, f := range sources(t) {
		if !f.test {
			byDir[f.dir] = append(byDir[f.dir], f)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(byDir)) {
		var files []*ast.File
		for _, f := range byDir[dir] {
			files = append(files, f.ast)
		}
		fset := byDir[dir][0].fset
		for _, problem := range globalState(fset, files) {
			at := fset.Position(problem.pos)
			t.Errorf("%s:%d: %s", at.Filename, at.Line, problem.text)
		}
	}
}

// TestGlobalStateIsSeen checks that the test above finds global state.
func TestGlobalStateIsSeen(t *testing.T) {
	const text = `package p
import "errors"
var ErrFine = errors.New("x")
var table = map[string]bool{"a": true}
var counter int
var list []string
func init() {}
func f(table map[string]bool) { table["shadowed"] = true; x := counter; x++ }
func g() { table["b"] = true; counter++; list = append(list, "x"); _ = &counter }
func h() { delete(table, "a"); for counter = range 3 {} }
var form = regexp.MustCompile("x")
var forms = []form{{"x", regexp.MustCompilePOSIX("x")}}
var later = func() { regexp.MustCompile("x") }
`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, problem := range globalState(fset, []*ast.File{file}) {
		lines = append(lines, fset.Position(problem.pos).Line)
	}
	if want := []int{5, 6, 7, 9, 9, 9, 9, 10, 10, 11, 12}; !slices.Equal(lines, want) {
		t.Errorf("problems in lines %v, want %v", lines, want)
	}
}

type problem struct {
	pos  token.Pos
	text string
}

func globalState(fset *token.FileSet, files []*ast.File) []problem {
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	// Imports are not resolved, so there are type errors, which do not matter:
	// what a name of this package refers to is known without.
	conf := types.Config{Error: func(error) {}, FakeImportC: true}
	pkg, _ := conf.Check("p", fset, files, info)

	var problems []problem
	report := func(n ast.Node, text string) { problems = append(problems, problem{n.Pos(), text}) }
	written := func(target ast.Expr) {
		name := root(target)
		if name == nil {
			return
		}
		if v, ok := info.Uses[name].(*types.Var); ok && v.Parent() == pkg.Scope() {
			report(target, "writes to "+name.Name+", a variable of the package")
		}
	}
	for _, file := range files {
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					report(d, "init functions are not allowed")
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					v, ok := spec.(*ast.ValueSpec)
					if !ok || d.Tok != token.VAR {
						continue
					}
					if len(v.Values) == 0 && !embeds(d.Doc) {
						report(v, "a variable of the package without a value can only be state")
					}
					for _, value := range v.Values {
						compiled(value, report)
					}
				}
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, target := range n.Lhs {
					written(target)
				}
			case *ast.IncDecStmt:
				written(n.X)
			case *ast.RangeStmt:
				written(n.Key)
				written(n.Value)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					written(n.X)
				}
			case *ast.CallExpr:
				name, ok := n.Fun.(*ast.Ident)
				if ok && (name.Name == "delete" || name.Name == "clear") && len(n.Args) > 0 {
					written(n.Args[0])
				}
			}
			return true
		})
	}
	slices.SortStableFunc(problems, func(a, b problem) int { return cmp.Compare(a.pos, b.pos) })
	return problems
}

// compiled reports the regular expressions that a value of a variable compiles before
// main, in each of the processes that an audit starts.
func compiled(value ast.Expr, report func(ast.Node, string)) {
	ast.Inspect(value, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "regexp" && strings.HasPrefix(n.Sel.Name, "MustCompile") {
				report(n, "a variable of the package is a lazyregexp.New, which is compiled when it is used")
			}
		}
		return true
	})
}

// embeds reports whether the go command gives a variable its value from a file
// (https://pkg.go.dev/embed).
func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// root is the name that an assignment to target goes through.
func root(target ast.Expr) *ast.Ident {
	for {
		switch x := target.(type) {
		case *ast.Ident:
			return x
		case *ast.ParenExpr:
			target = x.X
		case *ast.IndexExpr:
			target = x.X
		case *ast.SelectorExpr:
			target = x.X
		case *ast.StarExpr:
			target = x.X
		default:
			return nil
		}
	}
}

// source is a Go file of the module, for whatever system it is.
type source struct {
	path string // from the root of the module, with slashes
	dir  string
	test bool
	fset *token.FileSet
	ast  *ast.File
}

// sources parses all Go files of the module but those under testdata.
func sources(t *testing.T) []source {
	t.Helper()
	fset := token.NewFileSet()
	var files []source
	err := filepath.WalkDir(moduleRoot, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != moduleRoot && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(moduleRoot, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		files = append(files, source{rel, path.Dir(rel), strings.HasSuffix(rel, "_test.go") || path.Dir(rel) == exportTest || path.Dir(rel) == moduleTest || path.Dir(rel) == timeTest, fset, parsed})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
