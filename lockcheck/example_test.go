package lockcheck_test

import (
	"context"
	"fmt"
	"log"

	"github.com/depaudit/depaudit/lockcheck"
)

// Which of three installed packages are pinned by a lock file with hashes?
func Example() {
	lock, err := lockcheck.Open(context.Background(), "../testdata/cpython/example/requirements.txt")
	if err != nil {
		log.Fatal(err)
	}
	set := lockcheck.NewSet([]*lockcheck.Lock{lock}, lockcheck.Policy{})
	for _, p := range []lockcheck.Package{
		{Type: "pypi", Name: "aiohttp", Version: "3.9.4"},
		{Type: "pypi", Name: "aiohttp", Version: "3.9.3"},
		{Type: "pypi", Name: "sphinx", Version: "7.2.6"},
	} {
		r := set.Match(p)
		if r.Pinned {
			fmt.Printf("%s %s: pinned, %s\n", p.Name, p.Version, r.Evidence)
		} else {
			fmt.Printf("%s %s: not pinned, %s\n", p.Name, p.Version, r.Reason)
		}
	}
	// Output:
	// aiohttp 3.9.4: pinned, hash-locked
	// aiohttp 3.9.3: not pinned, locked-at-another-version
	// sphinx 7.2.6: not pinned, not-in-any-lock
}
