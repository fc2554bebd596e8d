package catalogers

import "reflect"

// coordinates reads a syft CoordinateError. The type lives in one of syft's
// internal packages, so its exported fields can only be reached by name; a
// test makes a real one and sees that they still are there.
func coordinates(err error) (path, reason string, ok bool) {
	v := reflect.ValueOf(err)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return "", "", false
	}
	c := v.FieldByName("Coordinates")
	r := v.FieldByName("Reason")
	if !c.IsValid() || c.Kind() != reflect.Struct || !r.IsValid() {
		return "", "", false
	}
	p := c.FieldByName("RealPath")
	if !p.IsValid() || p.Kind() != reflect.String {
		return "", "", false
	}
	if e, isErr := r.Interface().(error); isErr && e != nil {
		reason = oneLine(e.Error())
	}
	return p.String(), reason, true
}
