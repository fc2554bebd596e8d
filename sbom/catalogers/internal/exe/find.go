package exe

import (
	"bytes"
	"io"
)

// findBuffer is the memory that one search takes.
const findBuffer = 64 << 10

// find returns the offset of a pattern in the first limit bytes of r. A read
// error ends the search. The buffer is not larger than what is searched: most
// tables of names are small, and there are thousands of them.
func find(r io.Reader, pattern []byte, limit int64) (int64, bool) {
	r = io.LimitReader(r, limit)
	buf := make([]byte, 0, min(findBuffer, max(limit, 0)+1))
	var before int64 // bytes that are gone from the buffer
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if i := bytes.Index(buf, pattern); i >= 0 {
			return before + int64(i), true
		}
		if err != nil {
			return 0, false
		}
		keep := len(pattern) - 1
		before += int64(len(buf) - keep)
		buf = append(buf[:0], buf[len(buf)-keep:]...)
	}
}
