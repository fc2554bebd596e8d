package ospkg

import (
	"context"
	"strings"
	"testing"

	"github.com/depaudit/depaudit/sbom"
)

func TestMtree(t *testing.T) {
	read := func(text string) (out []string, err error) {
		db := &DB{Components: []sbom.Component{{Name: "x"}}}
		err = readMtree(newLines(context.Background(), strings.NewReader(text), "f"), func(path string, f FileRecord) {
			out = append(out, path+" "+describeRecord(db, f))
		})
		return out, err
	}
	got, err := read("#mtree\n/set type=file uid=0 gid=0 mode=644\n./.PKGINFO size=3 sha256digest=" + strings.Repeat("ab", 32) + "\n./usr mode=755 type=dir\n" +
		"./usr/a\\040b\\\\ mode=4755 size=1 md5digest=" + strings.Repeat("cd", 16) + " sha256digest=" + strings.Repeat("ef", 32) + "\n./usr/l mode=777 type=link link=a\\040b\n")
	want := "/.PKGINFO x file sha256:ababab 644 0:0 3 bytes\n/usr x directory 755 0:0\n/usr/a b\\ x file sha256:efefef 4755 0:0 1 bytes\n/usr/l x symbolic link 0:0 -> a b"
	if text := strings.Join(got, "\n"); err != nil || text != want {
		t.Errorf("%v\n%s\nwant\n%s", err, text, want)
	}
	for _, text := range []string{"./a", "../a mode=644\n", "/a mode=644\n", "./a mode=9\n", "./a size=x\n", "./a sha256digest=zz\n", "./a\\\n", "./a uid=-1\n"} {
		if got, err := read(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func FuzzMtree(f *testing.F) {
	f.Add("/set type=file uid=0 gid=0 mode=644\n./a\\040b size=1 sha256digest=00\n./l type=link link=x\n")
	f.Fuzz(func(t *testing.T, text string) {
		_ = readMtree(newLines(context.Background(), strings.NewReader(text), "f"), func(path string, f FileRecord) {
			if !strings.HasPrefix(path, "/") {
				t.Errorf("path %q", path)
			}
		})
	})
}
