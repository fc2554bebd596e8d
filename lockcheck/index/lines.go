package index

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// eachLine calls see for each line, without its end. A line over the limit of a
// stanza is an error.
func eachLine(r io.Reader, see func(string) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxStanza)
	for lines.Scan() {
		if err := see(strings.TrimSuffix(lines.Text(), "\r")); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return errors.New("a line is over the limit")
	}
	return lines.Err()
}
