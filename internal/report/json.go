package report

import (
	"encoding/json"
	"io"
	"reflect"

	"github.com/lockfast/lockfast/internal/result"
)

// writeJSON writes the document of docs/formats/scan.md. Lists are never null:
// null means unknown, and an empty list that nothing was found.
func writeJSON(w io.Writer, s *result.Scan) error {
	full := *s
	fillLists(reflect.ValueOf(&full).Elem())
	return encode(w, &full)
}

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// fillLists replaces nil lists by empty ones, all the way down. Lists are
// copied before their elements are changed: the caller's document stays.
func fillLists(v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // only these two hold lists
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				fillLists(field)
			}
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	case reflect.Slice:
		list := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(list, v)
		for i := range list.Len() {
			fillLists(list.Index(i))
		}
		v.Set(list)
	default: // values without lists below them
	}
}
