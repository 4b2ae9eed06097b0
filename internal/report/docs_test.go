package report_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/result"
)

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// documented are the words in code type of each section of a page, by the
// section's type.
func documented(t *testing.T, page string) map[string]map[string]bool {
	t.Helper()
	sections := map[string]map[string]bool{}
	word := regexp.MustCompile("`([a-z0-9_]+)`")
	for _, section := range strings.Split(read(t, "../../docs/formats/"+page+".md"), "\n## ")[1:] {
		name, text, _ := strings.Cut(section, ":")
		sections[name] = map[string]bool{}
		for _, m := range word.FindAllStringSubmatch(text, -1) {
			sections[name][m[1]] = true
		}
	}
	return sections
}

// Every field of every object of the document is described in its section.
func TestEveryFieldIsDocumented(t *testing.T) {
	sections := documented(t, "scan")
	done := map[reflect.Type]bool{reflect.TypeFor[time.Time](): true}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		if typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			walk(typ.Elem())
			return
		}
		if typ.Kind() != reflect.Struct || done[typ] {
			return
		}
		done[typ] = true
		for f := range typ.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" && !sections[typ.Name()][name] {
				t.Errorf("docs/formats/scan.md does not describe %q in a section %q", name, typ.Name())
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[result.Scan]())
	for name := range sections {
		known := false
		for typ := range done {
			known = known || typ.Name() == name
		}
		if !known {
			t.Errorf("docs/formats/scan.md describes %q, which the document does not have", name)
		}
	}
}
