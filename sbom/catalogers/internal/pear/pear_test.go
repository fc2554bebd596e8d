package pear

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func serialized(p Package) string {
	text := func(s string) string { return fmt.Sprintf("s:%d:%q;", len(s), "") }
	quote := func(s string) string { return strings.Replace(text(s), `""`, `"`+s+`"`, 1) }
	files := ""
	for i, name := range p.Files {
		files += quote(fmt.Sprint("file ", i)) + "a:2:{" + quote("role") + quote("php") + quote("installed_as") + quote(name) + "}"
	}
	return "a:5:{" + quote("name") + quote(p.Name) + quote("channel") + quote(p.Channel) + "i:7;b:1;" +
		quote("version") + "a:1:{" + quote("release") + quote(p.Version) + "}" +
		quote("filelist") + fmt.Sprintf("a:%d:{%s}}", len(p.Files), files)
}

func TestParse(t *testing.T) {
	want := Package{"memcached", "pecl.php.net", "3.2.0", []string{"/usr/local/lib/php/a.php", "/usr/local/lib/php/b.php"}}
	if got, err := Parse(serialized(want)); !reflect.DeepEqual(got, want) || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	for _, s := range []string{"", "N;", "a:0:{}", "a:1:{s:4:\"name\";s:-1:\"\";}", "a:99:{}", "s:9999999999:\"\";", strings.Repeat("a:1:{i:0;", 1000), "O:1:\"x\":0:{}"} {
		if got, err := Parse(s); err == nil {
			t.Errorf("%.40q: %+v", s, got)
		}
	}
}

// FuzzParse: a package that is read is written and read again the same.
func FuzzParse(f *testing.F) {
	f.Add(serialized(Package{"a", "b", "1", []string{"/x"}}))
	f.Add(`a:2:{s:4:"name";s:3:"old";s:7:"version";a:2:{i:0;N;s:7:"release";s:3:"1.0";}}`)
	f.Fuzz(func(t *testing.T, data string) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		if again, err := Parse(serialized(p)); !reflect.DeepEqual(again, p) || err != nil {
			t.Errorf("%q: %+v, again %+v, %v", data, p, again, err)
		}
	})
}
