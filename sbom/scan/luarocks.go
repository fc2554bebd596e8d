package scan

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// rockManifest is the list of files of a package of LuaRocks, in the directory
// PREFIX/lib/luarocks/rocks-VERSION/NAME/RELEASE
// (luarocks/manif.lua and luarocks/path.lua).
const rockManifest = "rock_manifest"

// maxRockManifest is the size of such a list. A package with 100 modules has 8 KB.
const maxRockManifest = 4 << 20

var rocksDir = lazyregexp.New(`^rocks(-([0-9.]+))?$`)

// claimRock claims the files of a package of LuaRocks: its directory, and what
// its list has below the directories of modules and programs.
func (s *scanner) claimRock(i int, spec rootfs.Node) {
	t := s.tree
	dir := t.Parent(spec)
	rocks := t.Parent(t.Parent(dir))
	list := t.Child(dir, rockManifest)
	m := rocksDir.FindStringSubmatch(t.Name(rocks))
	if m == nil || t.Name(t.Parent(rocks)) != "luarocks" || t.Kind(list) != rootfs.File {
		return
	}
	s.claimTree(dir, i, nil)
	data, err := t.ReadFile(list, maxRockManifest)
	var files []string
	if err == nil {
		files, err = parseRockManifest(string(data))
	}
	if err != nil {
		s.gap(sbom.GapMalformed, t.Path(list), "the list of files of a package of LuaRocks cannot be read: "+reason(err))
		return
	}
	prefix := t.Path(t.Parent(t.Parent(t.Parent(rocks))))
	for _, file := range files {
		kind, rest, _ := strings.Cut(file, "/")
		base := ""
		switch kind {
		case "lua":
			base = path.Join(prefix, "share/lua", m[2])
		case "lib":
			base = path.Join(prefix, "lib/lua", m[2])
		case "bin":
			base = path.Join(prefix, "bin")
		default:
			continue // in the package's directory
		}
		if full, ok := within(base, rest, base); ok {
			if n := t.Lookup(full); t.Kind(n) == rootfs.File {
				s.claim(n, i)
			}
		}
	}
}

// parseRockManifest returns the paths in a list: a table of Lua whose keys are
// names and whose values are digests or tables. LuaRocks writes nothing else.
func parseRockManifest(text string) ([]string, error) {
	p := luaTable{rest: text}
	if !p.skip("rock_manifest") || !p.skip("=") {
		return nil, errors.New("it does not begin with rock_manifest")
	}
	err := p.table("", 0)
	return p.files, err
}

// maxLuaDepth is the depth of directories in a list.
const maxLuaDepth = 64

type luaTable struct {
	rest  string
	files []string
}

func (p *luaTable) skip(token string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	rest, ok := strings.CutPrefix(p.rest, token)
	if ok {
		p.rest = rest
	}
	return ok
}

var luaName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*`)

func (p *luaTable) table(dir string, depth int) error {
	if depth > maxLuaDepth || !p.skip("{") {
		return fmt.Errorf("no table at %q", dir)
	}
	for !p.skip("}") {
		name := ""
		if p.skip("[") {
			var ok bool
			if name, ok = p.text(); !ok || !p.skip("]") {
				return fmt.Errorf("no name in the table %q", dir)
			}
		} else {
			name = luaName.FindString(p.rest)
			p.rest = p.rest[len(name):]
		}
		if name == "" || !p.skip("=") {
			return fmt.Errorf("no name in the table %q", dir)
		}
		p.skip("")
		if strings.HasPrefix(p.rest, "{") {
			if err := p.table(dir+name+"/", depth+1); err != nil {
				return err
			}
		} else if _, ok := p.text(); ok {
			p.files = append(p.files, dir+name)
		} else {
			return fmt.Errorf("no digest of %q", dir+name)
		}
		_ = p.skip(",") || p.skip(";")
	}
	return nil
}

// text parses a string in double quotes. Names with escapes are not valid here.
func (p *luaTable) text() (string, bool) {
	if !p.skip(`"`) {
		return "", false
	}
	s, rest, ok := strings.Cut(p.rest, `"`)
	if !ok || strings.ContainsAny(s, "\\\n") {
		return "", false
	}
	p.rest = rest
	return s, true
}
