package scan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom/lazyregexp"
)

// The lists of packages in the files that Plug'n'Play loads, in the forms of Yarn 2
// and later, of pnpm, and of Yarn 1.

type pnpPackage struct {
	name, reference string
	location        string // absolute within the environment, "" outside of it
	own             bool   // the location is below the directory of the list
	soft            bool   // a working tree
	member          bool   // of the project itself
	needs           []pnpLocator
}

type pnpLocator struct{ name, reference string }

var errNoPnPList = errors.New("no list of packages that could be recognised")

// parsePnP returns the packages in a .pnp.cjs: a string with JSON in it since
// Yarn 3, an object literal of the same form in Yarn 2, and calls of constructors
// in the .pnp.js of Yarn 1.
func parsePnP(data []byte) ([]pnpPackage, error) {
	const (
		text    = "const RAW_RUNTIME_STATE =\n"
		parsed  = "return hydrateRuntimeState(JSON.parse("
		literal = "return hydrateRuntimeState({"
		calls   = "let packageInformationStores = new Map(["
		urls    = "\nconst registry = {\"packages\":"
	)
	found := 0
	for _, mark := range []string{text, parsed + "'", literal, calls, urls} {
		found += bytes.Count(data, []byte(mark))
	}
	if found > 1 {
		return nil, errors.New("several lists of packages")
	}
	for _, mark := range []string{text, parsed} {
		if _, rest, ok := bytes.Cut(data, []byte(mark)); ok && bytes.HasPrefix(rest, []byte("'")) {
			list, err := jsString(rest[1:])
			if err != nil {
				return nil, err
			}
			return parsePnPList(list)
		}
	}
	if i := bytes.Index(data, []byte(literal)); i >= 0 {
		var list json.RawMessage
		if err := json.NewDecoder(bytes.NewReader(data[i+len(literal)-1:])).Decode(&list); err != nil {
			return nil, err
		}
		return parsePnPList(list)
	}
	if _, rest, ok := bytes.Cut(data, []byte(urls)); ok {
		return parsePnPURLs(data, rest)
	}
	if _, rest, ok := bytes.Cut(data, []byte(calls)); ok {
		return parsePnPCalls(rest)
	}
	return nil, errNoPnPList
}

// jsString returns the value of a string literal after its opening quote. Yarn
// escapes only quotes, backslashes and line ends.
func jsString(data []byte) ([]byte, error) {
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '\'':
			return out, nil
		case '\n':
			return nil, errors.New("a line ends in a string")
		case '\\':
			if i++; i >= len(data) {
				return nil, io.ErrUnexpectedEOF
			}
			switch data[i] {
			case '\n': // continues on the next line
			case '\'', '\\':
				out = append(out, data[i])
			default:
				return nil, fmt.Errorf("unknown escape \\%c", data[i])
			}
		default:
			out = append(out, data[i])
		}
	}
	return nil, io.ErrUnexpectedEOF
}

// pnpModules matches the line with the directory that the URLs of pnpm 12 are
// relative to.
var pnpModules = lazyregexp.New(`(?m)^const modulesDir = path\.resolve\(__dirname, "((?:[^"\\]|\\.)*)"\)$`)

// parsePnPURLs parses the object of pnpm 12: the places of all packages by the keys
// of its lock file.
func parsePnPURLs(data, object []byte) ([]pnpPackage, error) {
	m := pnpModules.FindAllSubmatch(data, -1)
	if len(m) != 1 {
		return nil, errNoPnPList
	}
	modules, err := strconv.Unquote(`"` + string(m[0][1]) + `"`)
	if err != nil {
		return nil, err
	}
	var list map[string]struct {
		URL   string            `json:"url"`
		Needs map[string]string `json:"dependencies"`
	}
	if err := json.NewDecoder(bytes.NewReader(object)).Decode(&list); err != nil {
		return nil, err
	}
	var out []pnpPackage
	for _, id := range slices.Sorted(maps.Keys(list)) {
		p := pnpPackage{name: id, location: path.Join(modules, list[id].URL)}
		if abs, ok := strings.CutPrefix(list[id].URL, "file://"); ok {
			if p.location, err = url.PathUnescape(abs); err != nil || !path.IsAbs(p.location) {
				return nil, fmt.Errorf("the place %.80q of %.80q", list[id].URL, id)
			}
		}
		p.member = id == "." || !strings.Contains(p.location, "/node_modules/")
		for _, name := range slices.Sorted(maps.Keys(list[id].Needs)) {
			if to := list[id].Needs[name]; to != id { // each may load itself
				p.needs = append(p.needs, pnpLocator{name: to})
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// parsePnPList parses the JSON of Yarn 2 and later and of pnpm up to version 11.
func parsePnPList(data []byte) ([]pnpPackage, error) {
	var list struct {
		Registry []json.RawMessage `json:"packageRegistryData"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	if list.Registry == nil {
		return nil, errNoPnPList
	}
	pair := func(raw json.RawMessage, second any) (string, error) {
		var both []json.RawMessage
		if err := json.Unmarshal(raw, &both); err != nil {
			return "", err
		}
		if len(both) != 2 {
			return "", fmt.Errorf("%d values in place of a key and a value", len(both))
		}
		var first *string // null for the project
		if err := json.Unmarshal(both[0], &first); err != nil {
			return "", err
		}
		if err := json.Unmarshal(both[1], second); err != nil || first == nil {
			return "", err
		}
		return *first, nil
	}
	var out []pnpPackage
	for _, raw := range list.Registry {
		var references []json.RawMessage
		name, err := pair(raw, &references)
		if err != nil {
			return nil, err
		}
		for _, raw := range references {
			var info struct {
				Location string            `json:"packageLocation"`
				Needs    []json.RawMessage `json:"packageDependencies"`
				Link     string            `json:"linkType"`
			}
			p := pnpPackage{name: name}
			if p.reference, err = pair(raw, &info); err != nil {
				return nil, err
			}
			p.location, p.soft = info.Location, info.Link == "SOFT"
			p.member = name == "" || p.soft && strings.HasPrefix(p.reference, "workspace:")
			for _, raw := range info.Needs {
				var target json.RawMessage
				to := pnpLocator{}
				if to.name, err = pair(raw, &target); err != nil {
					return nil, err
				}
				var alias []string
				if json.Unmarshal(target, &alias) == nil && len(alias) == 2 {
					to = pnpLocator{alias[0], alias[1]}
				} else if json.Unmarshal(target, &to.reference) != nil || to.reference == "" {
					continue // an optional peer that is not there
				}
				p.needs = append(p.needs, to)
			}
			out = append(out, p)
		}
	}
	return out, nil
}

// The lines of Yarn 1 (src/util/generate-pnp-map.js).
var (
	pnpCallName     = lazyregexp.New(`^  \[(?:null|"((?:[^"\\]|\\.)+)"), new Map\(\[$`)
	pnpCallRef      = lazyregexp.New(`^    \[(?:null|"((?:[^"\\]|\\.)+)"), \{$`)
	pnpCallLocation = lazyregexp.New(`^      packageLocation: path\.resolve\(__dirname, "((?:[^"\\]|\\.)*)"\),$`)
	pnpCallNeed     = lazyregexp.New(`^        \["((?:[^"\\]|\\.)+)", (?:\["((?:[^"\\]|\\.)+)", )?"((?:[^"\\]|\\.)+)"\]?\],$`)
)

func parsePnPCalls(data []byte) ([]pnpPackage, error) {
	var out []pnpPackage
	name := ""
	for line := range strings.SplitSeq(string(data), "\n") {
		if line == "]);" {
			return out, nil
		}
		if m := pnpCallName.FindStringSubmatch(line); m != nil {
			name = m[1]
		} else if m := pnpCallRef.FindStringSubmatch(line); m != nil {
			out = append(out, pnpPackage{name: name, reference: m[1]})
		} else if len(out) == 0 {
			continue
		} else if m := pnpCallLocation.FindStringSubmatch(line); m != nil {
			location, err := strconv.Unquote(`"` + m[1] + `"`)
			if err != nil {
				return nil, err
			}
			p := &out[len(out)-1]
			p.location, p.member = location, !strings.Contains(location, "/node_modules/")
		} else if m := pnpCallNeed.FindStringSubmatch(line); m != nil {
			to := pnpLocator{m[1], m[3]}
			if m[2] != "" {
				to.name = m[2]
			}
			if p := &out[len(out)-1]; to.name != p.name || to.reference != p.reference { // each may load itself
				p.needs = append(p.needs, to)
			}
		}
	}
	return nil, io.ErrUnexpectedEOF
}
