package catalogers

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/anchore/syft/syft/file"
	"github.com/google/go-cmp/cmp"
)

// listener is an empty environment that records the queries.
type listener struct {
	mu           sync.Mutex
	globs, paths []string
	others       []string
}

func (l *listener) note(list *[]string, asked ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, asked...)
}

func (l *listener) FileContentsByLocation(f file.Location) (io.ReadCloser, error) {
	l.note(&l.others, "content of "+f.RealPath)
	return nil, errors.New("there is nothing")
}

func (l *listener) FileMetadataByLocation(f file.Location) (file.Metadata, error) {
	l.note(&l.others, "metadata of "+f.RealPath)
	return file.Metadata{}, errors.New("there is nothing")
}

func (l *listener) HasPath(p string) bool { l.note(&l.paths, p); return false }

func (l *listener) FilesByPath(p ...string) ([]file.Location, error) {
	l.note(&l.paths, p...)
	return nil, nil
}

func (l *listener) FilesByGlob(p ...string) ([]file.Location, error) {
	l.note(&l.globs, p...)
	return nil, nil
}

func (l *listener) FilesByMIMEType(...string) ([]file.Location, error) { return nil, nil }

func (l *listener) RelativeFileByPath(_ file.Location, p string) *file.Location {
	l.note(&l.others, "file at "+p)
	return nil
}

func (l *listener) AllLocations(context.Context) <-chan file.Location {
	all := make(chan file.Location)
	close(all)
	return all
}

// TestCatalogersGlobs fails when an upgrade of syft makes a cataloger look for
// other files than those that are kept of an image.
func TestCatalogersGlobs(t *testing.T) {
	ctx, done := withTempDir(withExecutors(t.Context()))
	defer done()
	l := new(listener)
	for _, c := range catalogers() {
		if _, _, err := c.Catalog(ctx, l); err != nil {
			t.Errorf("%s over nothing: %v", c.Name(), err)
		}
	}
	want := slices.Sorted(strings.FieldsSeq(globs))
	slices.Sort(l.globs)
	if diff := cmp.Diff(want, slices.Compact(l.globs)); diff != "" {
		t.Errorf("the queries of the catalogers are not the list in names.go (-list +queries):\n%s", diff)
	}
	names := NewNames()
	for _, p := range l.paths {
		if p != "/bin/busybox" && !names.Match(p) { // that is kept as an executable
			t.Errorf("a cataloger looks up the path %s, which is not in names.go", p)
		}
	}
	if len(l.others) > 0 {
		t.Errorf("queries in an environment without files: %q", l.others)
	}
}

func TestNames(t *testing.T) {
	names := NewNames()
	for _, p := range []string{
		"/usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO", "/v/lib/python3.12/site-packages/x-1.dist-info/RECORD",
		"/x.jar", "/opt/a/b.c.jar", "/opt/conda/conda-meta/history.json", "/opt/bitnami/redis/.spdx-redis.spdx", "/usr/bin/python3.11",
		"/usr/local/bin/go", "/usr/bin/firefox.exe", "/var/db/pkg/app-misc/jq-1.6/CONTENTS", "/lib/modules/6.1.0/kernel/fs/x.ko.xz",
		"/srv/wp-content/plugins/akismet/akismet.php", "/usr/share/php/.registry/a.reg", "/a/libstd-0123456789abcdef.so",
		"/usr/lib/x86_64-linux-gnu/libQt5Core.so.5.15.8", "/usr/share/perl5/Text/CSV.pm", "/usr/local/go/VERSION",
	} {
		if !names.Match(p) {
			t.Errorf("%s does not match", p)
		}
	}
	for _, p := range []string{
		"/", "/x", "/usr/share/doc/x/copyright", "/opt/data.json", "/srv/index.php5/../index.ph", "/home/u/Formula/x.rb",
		"/var/log/syslog", "/a/libstd-0123.so", "/usr/share/doc/x/changelog.Debian.gz", "/usr/lib/python3/os.py",
	} {
		if names.Match(p) {
			t.Errorf("%s matches", p)
		}
	}
}
