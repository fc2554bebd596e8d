// Command gunzip decompresses files with Go's own compress/gzip and throws the
// result away: what compare.sh measures the reading of an image against.
package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
)

func main() {
	for _, name := range os.Args[1:] {
		if err := gunzip(name); err != nil {
			fmt.Fprintf(os.Stderr, "gunzip: %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

func gunzip(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, z)
	return err
}
