package ospkg

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"
)

// q1 is a digest as apk writes it.
func q1(text string) string {
	sum := sha1.Sum([]byte(text))
	return "Q1" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestApkRecords(t *testing.T) {
	short := sha256.Sum256([]byte("new"))
	tree, db, err := files{
		"usr/bin/a": "a", "usr/bin/su": "su", "usr/bin/link": "-> a", "usr/bin/new": "new", "usr/bin/odd": "x", "tmp/": "", "etc/os-release": "ID=alpine\n",
		apkDir + apkInstalled: apkRecordText("a", "F:usr", "F:usr/bin", "R:a", "Z:"+q1("a"), "R:su", "a:0:12:4755", "Z:"+q1("su"),
			"R:link", "a:0:0:777", "Z:"+q1("a"), "R:gone", "Z:"+q1("gone"), "F:tmp", "M:0:0:1777", "F:usr/bin", "R:new", "Z:Q2"+base64.StdEncoding.EncodeToString(short[:20]),
			"R:odd", "a:x:0:9", "Z:nonsense", "F:etc", "R:conf", "Z:"+q1("c"), "F:etc/init.d", "R:x", "Z:"+q1("x")), "etc/conf": "c", "etc/init.d/x": "x",
	}.open(t, alpine)
	if err != nil {
		t.Fatal(err)
	}
	r := recordsOf(t, db)
	for path, want := range map[string]string{
		"/usr":          "a directory 755 0:0",
		"/tmp":          "a directory 1777 0:0",
		"/usr/bin/a":    "a sha1:86f7e4 644 0:0",
		"/usr/bin/su":   fmt.Sprintf("a sha1:%.3x 4755 0:12", sha1.Sum([]byte("su"))),
		"/usr/bin/link": "a sha1:86f7e4 777 0:0",
		"/usr/bin/new":  fmt.Sprintf("a sha256:%.3x 644 0:0", short),
		"/usr/bin/odd":  "a",
		"/etc/conf":     fmt.Sprintf("a conffile sha1:%.3x 644 0:0", sha1.Sum([]byte("c"))),
		"/etc/init.d/x": fmt.Sprintf("a sha1:%.3x 644 0:0", sha1.Sum([]byte("x"))),
	} {
		if got := describe(t, tree, db, r, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if len(r.Absent) != 1 || r.Absent[0].Path != "/usr/bin/gone" || len(r.Gaps) != 2 {
		t.Errorf("absent %+v, gaps %+v", r.Absent, r.Gaps)
	}
}
