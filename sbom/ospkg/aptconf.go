package ospkg

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/depaudit/depaudit/sbom"
	"github.com/depaudit/depaudit/sbom/lazyregexp"
	"github.com/depaudit/depaudit/sbom/rootfs"
)

// aptConfig has the scalar settings of apt by their names in lower case
// ("apt::autoremove::suggestsimportant"): apt does not distinguish case.
type aptConfig map[string]string

const (
	aptDir     = "/etc/apt"
	maxAptConf = 1 << 20 // bytes of a file; real ones have a few kilobytes
	maxAptDeep = 64      // nested braces
)

// aptSettings reads the settings of apt that change what it installs and removes,
// as apt reads them: the parts by name, then the main file (apt.conf(5)). A file
// that cannot be read is a notice: no count depends on it, but what is said of a
// removal does.
func (d *dpkg) aptSettings() sbom.Apt {
	t := d.tree
	var files []rootfs.Node
	for n := range t.Children(t.Resolve(aptDir + "/apt.conf.d")) {
		if aptPart.MatchString(t.Name(n)) && slices.Contains([]string{"", ".conf"}, path.Ext(t.Name(n))) {
			files = append(files, t.ResolveNode(n))
		}
	}
	files = append(files, t.Resolve(aptDir+"/apt.conf"))
	config := aptConfig{}
	for _, n := range files {
		if t.Kind(n) != rootfs.File {
			continue
		}
		data, err := t.ReadFile(n, maxAptConf)
		if err != nil {
			d.Notices = append(d.Notices, sbom.Notice{
				Kind: sbom.NoticeRequirement, Path: t.Path(n), Detail: "apt's settings cannot be read, so that autoremove may take other packages: " + err.Error(),
			})
			continue
		}
		config.parse(string(data))
	}
	return sbom.Apt{
		NoRecommends:    !config.bool("APT::Install-Recommends"),
		TakeRecommended: !config.bool("APT::AutoRemove::RecommendsImportant"),
		TakeSuggested:   !config.bool("APT::AutoRemove::SuggestsImportant"),
	}
}

// aptPart matches the names of parts that apt reads. Children are in the order of
// their names.
var aptPart = lazyregexp.New(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*$`)

// bool returns a setting whose default is true, by the words of apt's
// StringToBool.
func (c aptConfig) bool(name string) bool {
	switch v := strings.ToLower(c[strings.ToLower(name)]); v {
	case "no", "false", "without", "off", "disable":
		return false
	default:
		n, err := strconv.Atoi(v)
		return err != nil || n != 0
	}
}

// parse adds the settings of a file: NAME "value"; and NAME { ... }; and #clear
// NAME; with comments as in C and shell. What follows an error in a file does not
// count, as apt stops there.
func (c aptConfig) parse(text string) {
	var scopes []string // the names around, each with those around it
	scope := ""
	var words []string
	for {
		var token string
		token, text = aptToken(text)
		switch token {
		case "":
			return
		case "{":
			if len(words) != 1 || len(scopes) == maxAptDeep {
				return
			}
			scopes = append(scopes, scope)
			scope += words[0] + "::"
			words = nil
		case "}":
			if len(scopes) == 0 {
				return
			}
			scope, scopes = scopes[len(scopes)-1], scopes[:len(scopes)-1]
			words = nil
		case ";":
			c.set(scope, words)
			words = nil
		default:
			words = append(words, strings.ToLower(token))
		}
	}
}

// set executes one statement. A value alone is an element of a list.
func (c aptConfig) set(scope string, words []string) {
	switch {
	case len(words) > 1 && words[0] == "#clear":
		for _, name := range words[1:] {
			for key := range c {
				if key == name || strings.HasPrefix(key, name+"::") {
					delete(c, key)
				}
			}
		}
	case len(words) == 2:
		c[scope+words[0]] = words[1]
	}
}

// aptToken returns the first token of a text and the rest: a brace, a semicolon,
// a word, or the content of a quoted string.
func aptToken(text string) (token, rest string) {
	for text != "" {
		switch ch := text[0]; {
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r':
			text = text[1:]
		case strings.HasPrefix(text, "//"), ch == '#' && !strings.HasPrefix(text, "#clear"):
			_, text, _ = strings.Cut(text, "\n")
		case strings.HasPrefix(text, "/*"):
			_, text, _ = strings.Cut(text[2:], "*/")
		case ch == '{' || ch == '}' || ch == ';':
			return text[:1], text[1:]
		case ch == '"':
			value, rest, closed := strings.Cut(text[1:], `"`)
			if !closed {
				return "", ""
			}
			if value == "" {
				value = " " // an empty value is one
			}
			return value, rest
		default:
			n := strings.IndexAny(text, " \t\r\n{};\"")
			if n < 0 {
				n = len(text)
			}
			return text[:n], text[n:]
		}
	}
	return "", ""
}
