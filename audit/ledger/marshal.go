package ledger

import (
	"encoding/binary"
	"strings"
)

// Python believes byte code whose header has the time and the size, or the hash,
// of the source (https://peps.python.org/pep-0552/), and both are easily copied
// into the header of other code. The compiler is not run here. But byte code has
// the names of what it calls and imports, and each of them is a word of the
// source: code that was compiled from something else has others.

// maxBytecode is the maximum size in bytes of byte code, and of its source, that
// is read. The largest in CPython's library have 300 kB.
const maxBytecode = 4 << 20

// implicitNames are those that compilers of CPython 3.8 to 3.14 add
// (Python/compile.c, Python/codegen.c).
var implicitNames = map[string]bool{
	"__name__": true, "__module__": true, "__qualname__": true, "__doc__": true, "__annotations__": true, "__class__": true, "__classcell__": true,
	"__classdict__": true, "__classdictcell__": true, "__static_attributes__": true, "__firstlineno__": true, "__type_params__": true,
	"__conditional_annotations__": true, "__annotate__": true, "__annotate_func__": true, "__annotations_cache__": true, "AssertionError": true,
}

// foreignName returns a name of byte code that is no word of its source, "" if
// there is none or if the format is not one that is known.
func foreignName(code, source []byte) string {
	magic := binary.LittleEndian.Uint16(code)
	if magic < 3400 || magic > 3700 { // CPython 3.8 to 3.15 (Include/internal/pycore_magic_number.h)
		return ""
	}
	m := marshal{data: code[16:], layout311: magic >= 3450}
	if _, ok := m.object(0); !ok {
		return ""
	}
	words := make(map[string]bool)
	for w := range strings.FieldsFuncSeq(string(source), func(r rune) bool { return !isWord(r) }) {
		words[w] = true
	}
	for _, name := range m.names {
		for part := range strings.SplitSeq(name, ".") {
			if part == "" || words[part] || implicitNames[part] || strings.HasPrefix(name, ".") || strings.ContainsFunc(part, func(r rune) bool { return r > 0x7f }) {
				continue // Python normalises identifiers outside of ASCII
			}
			// A private name has the class before it (reference manual, "Private name
			// mangling").
			if i := strings.Index(part[1:], "__"); part[0] == '_' && i >= 0 && words[part[1+i:]] {
				continue
			}
			return part
		}
	}
	return ""
}

func isWord(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f
}

// marshal reads the serialised objects of Python (Python/marshal.c) as far as
// names need it: strings, tuples of them and code.
type marshal struct {
	data      []byte
	layout311 bool // the fields of code since CPython 3.11
	refs      []value
	names     []string // that code loads, stores or imports
}

// value is an object: a string, or the strings of a tuple.
type value struct {
	text  string
	tuple []value
}

// maxMarshalDepth is MAX_MARSHAL_STACK_DEPTH of CPython, 2000, or less.
const maxMarshalDepth = 500

func (m *marshal) take(n int) ([]byte, bool) {
	if n < 0 || n > len(m.data) {
		return nil, false
	}
	b := m.data[:n]
	m.data = m.data[n:]
	return b, true
}

func (m *marshal) long() (int, bool) {
	b, ok := m.take(4)
	if !ok {
		return 0, false
	}
	return int(int32(binary.LittleEndian.Uint32(b))), true
}

// object reads one object, false if the data has not the form.
func (m *marshal) object(depth int) (value, bool) {
	head, ok := m.take(1)
	if !ok || depth > maxMarshalDepth {
		return value{}, false
	}
	at := -1
	if head[0]&0x80 != 0 { // FLAG_REF: later objects may refer to it
		at = len(m.refs)
		m.refs = append(m.refs, value{})
	}
	v, ok := m.body(head[0]&^0x80, depth)
	if ok && at >= 0 {
		m.refs[at] = v
	}
	return v, ok
}

func (m *marshal) body(kind byte, depth int) (value, bool) {
	size := func(short bool) (int, bool) {
		if short {
			b, ok := m.take(1)
			if !ok {
				return 0, false
			}
			return int(b[0]), true
		}
		return m.long()
	}
	switch kind {
	case '0', 'N', 'F', 'T', 'S', '.':
		return value{}, true
	case 'i':
		_, ok := m.take(4)
		return value{}, ok
	case 'I', 'g':
		_, ok := m.take(8)
		return value{}, ok
	case 'y':
		_, ok := m.take(16)
		return value{}, ok
	case 'l':
		n, ok := m.long()
		if ok {
			_, ok = m.take(2 * max(n, -n))
		}
		return value{}, ok
	case 's', 't', 'u', 'a', 'A', 'z', 'Z':
		n, ok := size(kind == 'z' || kind == 'Z')
		if !ok {
			return value{}, false
		}
		b, ok := m.take(n)
		return value{text: string(b)}, ok
	case 'r':
		n, ok := m.long()
		if !ok || n < 0 || n >= len(m.refs) {
			return value{}, false
		}
		return m.refs[n], true
	case '(', ')', '[', '<', '>':
		n, ok := size(kind == ')')
		if !ok || n < 0 || n > len(m.data) {
			return value{}, false
		}
		var v value
		for range n {
			x, ok := m.object(depth + 1)
			if !ok {
				return v, false
			}
			v.tuple = append(v.tuple, x)
		}
		return v, true
	case ':': // a slice, since CPython 3.14
		for range 3 {
			if _, ok := m.object(depth + 1); !ok {
				return value{}, false
			}
		}
		return value{}, true
	case 'c':
		return value{}, m.code(depth)
	}
	return value{}, false
}

// code reads a code object and keeps its names (co_names).
func (m *marshal) code(depth int) bool {
	numbers := 6
	if m.layout311 {
		numbers = 5
	}
	if _, ok := m.take(4 * numbers); !ok {
		return false
	}
	for i := range 8 { // code, constants, names, variables and others
		v, ok := m.object(depth + 1)
		if !ok {
			return false
		}
		if i == 2 {
			for _, x := range v.tuple {
				m.names = append(m.names, x.text)
			}
		}
	}
	if _, ok := m.long(); !ok { // the first line
		return false
	}
	rest := 1 // the table of lines
	if m.layout311 {
		rest = 2 // and that of exceptions
	}
	for range rest {
		if _, ok := m.object(depth + 1); !ok {
			return false
		}
	}
	return true
}
