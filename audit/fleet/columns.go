package fleet

import (
	"fmt"
	"reflect"
	"strings"
)

// Column is a column of a table.
type Column struct {
	Name string
	// Type is that of SQL as DuckDB spells it: VARCHAR, BIGINT, BOOLEAN, DATE,
	// VARCHAR[], or a list of structs.
	Type string
	// Null is true if the column can be null.
	Null bool
	// Doc is its description, one sentence without a full stop.
	Doc string
}

// Columns returns the columns of a table in their order, nil for an unknown one.
func Columns(table string) []Column {
	row := rowOf(table)
	if row == nil {
		return nil
	}
	var out []Column
	for i := range row.NumField() {
		f := row.Field(i)
		out = append(out, Column{
			Name: f.Tag.Get("json"), Type: sqlType(f), Null: f.Type.Kind() == reflect.Pointer, Doc: f.Tag.Get("doc"),
		})
	}
	return out
}

// rowOf returns the type of a table's rows.
func rowOf(table string) reflect.Type {
	switch table {
	case StageTable:
		return reflect.TypeFor[StageNight]()
	case DependencyTable:
		return reflect.TypeFor[Dependency]()
	}
	return nil
}

func sqlType(f reflect.StructField) string {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	suffix := ""
	if t.Kind() == reflect.Slice {
		t, suffix = t.Elem(), "[]"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "BOOLEAN" + suffix
	case reflect.Int, reflect.Int64:
		return "BIGINT" + suffix
	case reflect.Struct:
		var fields []string
		for i := range t.NumField() {
			fields = append(fields, fmt.Sprintf("%s %s", t.Field(i).Tag.Get("json"), sqlType(t.Field(i))))
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")" + suffix
	}
	if f.Tag.Get("format") == "date" {
		return "DATE" + suffix
	}
	return "VARCHAR" + suffix
}

// Schema returns the JSON Schema of the rows of both tables, as docs/fleet.schema.json
// has it.
func Schema() map[string]any {
	defs := map[string]any{"exception": object(reflect.TypeFor[Exception](), "An exception that the stage needs")}
	for _, table := range []string{StageTable, DependencyTable} {
		defs[table] = object(rowOf(table), "A line of "+table+"/"+Version+"/date=*/*.ndjson.gz")
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":     "https://raw.githubusercontent.com/depaudit/depaudit/main/docs/fleet.schema.json",
		"title":   "depaudit export, " + Version,
		"description": "A row of one of the two tables. Version " + Version +
			" may get more columns; no column of it gets another meaning.",
		"anyOf": []any{map[string]any{"$ref": "#/$defs/" + StageTable}, map[string]any{"$ref": "#/$defs/" + DependencyTable}},
		"$defs": defs,
	}
}

func object(row reflect.Type, about string) map[string]any {
	properties, required := map[string]any{}, []any{}
	for i := range row.NumField() {
		f := row.Field(i)
		name := f.Tag.Get("json")
		required = append(required, name)
		properties[name] = property(f)
	}
	return map[string]any{"description": about, "type": "object", "required": required, "properties": properties}
}

func property(f reflect.StructField) map[string]any {
	p := map[string]any{}
	if doc := f.Tag.Get("doc"); doc != "" {
		p["description"] = doc + "."
	}
	t, null := f.Type, false
	if t.Kind() == reflect.Pointer {
		t, null = t.Elem(), true
	}
	var name string
	switch t.Kind() {
	case reflect.Bool:
		name = "boolean"
	case reflect.Int, reflect.Int64:
		name = "integer"
	case reflect.Slice:
		p["type"] = "array"
		p["items"] = map[string]any{"type": "string"}
		if t.Elem().Kind() == reflect.Struct {
			p["items"] = map[string]any{"$ref": "#/$defs/exception"}
		}
		return p
	default:
		name = "string"
	}
	p["type"] = name
	if null {
		p["type"] = []any{name, "null"}
	}
	if format := f.Tag.Get("format"); format != "" {
		p["format"] = format
	}
	if enum := f.Tag.Get("enum"); enum != "" {
		var values []any
		for _, v := range strings.Fields(enum) {
			values = append(values, v)
		}
		p["enum"] = values
	}
	return p
}
