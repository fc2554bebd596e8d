package strictjson

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

// TestOutdented checks that a text is JSON with the same value without its indentation,
// or is not JSON either, however it is read.
func TestOutdented(t *testing.T) {
	indentation := regexp.MustCompile(`\n +`)
	random := rand.New(rand.NewPCG(13, 4))
	pieces := []string{" ", "  ", "\n", "\n  ", "\r\n ", "\t", `"`, `"a b"`, `"\n  "`, `\`, `\"`, "1", "-1.5e3", "[", "]", ",", "{", "}", ":", `"k": `, "true", "é"}
	check := func(text string) bool {
		want := indentation.ReplaceAllString(text, "\n")
		for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.HalfReader(iotest.DataErrReader(strings.NewReader(text)))} {
			got, err := io.ReadAll(&outdented{in: in})
			if err != nil || string(got) != want {
				t.Fatalf("%q is %q, %v", text, got, err)
			}
		}
		var before, after any
		errBefore, errAfter := json.Unmarshal([]byte(text), &before), json.Unmarshal([]byte(want), &after)
		if (errBefore == nil) != (errAfter == nil) || !reflect.DeepEqual(before, after) {
			t.Fatalf("%q is %v, %v and then %v, %v", text, before, errBefore, after, errAfter)
		}
		return errBefore == nil
	}
	for range 20_000 {
		var b strings.Builder
		for range random.IntN(12) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		check(b.String())
	}
	valid := 0
	for range 2_000 { // values, half of them with one piece more at some place
		text := value(random, 4)
		if at := random.IntN(2 * len(text)); at < len(text) {
			text = text[:at] + pieces[random.IntN(len(pieces))] + text[at:]
		}
		if check(text) {
			valid++
		}
	}
	if valid < 1_000 {
		t.Errorf("only %d texts were JSON", valid)
	}
}

// value is a text of JSON with space of all kinds between its tokens.
func value(random *rand.Rand, depth int) string {
	space := func() string { return []string{"", " ", "\n    ", "\n", "\r\n  ", "\t"}[random.IntN(6)] }
	var items []string
	for range random.IntN(3) {
		if depth > 0 {
			items = append(items, value(random, depth-1))
		}
	}
	switch random.IntN(4) {
	case 0:
		return space() + "[" + strings.Join(items, ",") + space() + "]"
	case 1:
		for i := range items {
			items[i] = space() + `"k` + string(rune('0'+i)) + `"` + space() + ":" + items[i]
		}
		return "{" + strings.Join(items, ",") + space() + "}"
	case 2:
		return space() + []string{`"a  \n  b"`, `"\\"`, `"\"\n "`, `"  "`}[random.IntN(4)] + space()
	}
	return space() + "-12" + space()
}
