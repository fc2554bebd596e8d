// Command jsonschema validates the JSON documents of its input, one after the other,
// by a JSON schema, whose file (and pointer, after #) is its argument. With -formats the
// formats that the schema names are checked too.
//
// It is a program of its own, because the library compiles its schemas of schemas when a
// program that has it is started (10 ms), and the test binary of depaudit, which is the
// program in all transcripts, is started two thousand times.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/depaudit/depaudit/sbom/moduletest"
)

func main() {
	log.SetFlags(0)
	formats := flag.Bool("formats", false, "check formats")
	flag.Parse()
	if err := validate(os.Stdin, flag.Arg(0), *formats); err != nil {
		log.Fatalf("%.2000v", err)
	}
}

func validate(documents io.Reader, file string, formats bool) error {
	c := jsonschema.NewCompiler()
	c.UseRegexpEngine(func(s string) (jsonschema.Regexp, error) { return moduletest.Compile(s) })
	name, _, _ := strings.Cut(file, "#")
	c.UseLoader(besideLoader(filepath.Dir(name)))
	if formats {
		c.AssertFormat()
	}
	schema, err := c.Compile(file)
	if err != nil {
		return err
	}
	d := json.NewDecoder(documents)
	d.UseNumber()
	for n := 1; ; n++ {
		var document any
		switch err := d.Decode(&document); {
		case errors.Is(err, io.EOF) && n > 1:
			return nil
		case err != nil:
			return fmt.Errorf("document %d: %w", n, err)
		}
		if err := schema.Validate(document); err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
	}
}

// besideLoader loads the schemas that another one names by an address from the directory
// of that one.
type besideLoader string

func (dir besideLoader) Load(address string) (any, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(string(dir), path.Base(u.Path)))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return jsonschema.UnmarshalJSON(f)
}
