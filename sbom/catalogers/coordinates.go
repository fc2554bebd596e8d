package catalogers

import "reflect"

// coordinates reads an error of syft's type CoordinateError. The type is in an
// internal package, so its fields are read by their names. A test provokes a
// real error to check that they exist.
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
