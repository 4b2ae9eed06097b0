package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	_ "github.com/CycloneDX/cyclonedx-go" // its module carries the published schemas
	"github.com/openvex/go-vex/pkg/vex"
	_ "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif" // likewise
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/result"
)

// schemaFile is the published schema of the scan document. Schemas are derived
// from the Go types, so that the two cannot drift apart; a change shows in
// review.
const schemaFile = "../../docs/formats/scan.schema.json"

// enums are the fields with a closed set of values.
var enums = map[string][]any{
	"Scan.schema": {result.ScanSchema}, "Finding.status": {result.StatusOpen, result.StatusRestart, result.StatusNoFix, result.StatusLeftover},
	"Finding.severity": severityWords, "Vulnerability.severity": severityWords, "Status.outcome": {"succeeded", "partial", "failed", "not applicable"},
	"Data.kind": {"osv", "kev", "epss", "cve", "archive"}, "Data.trust": {"signed", "https", "http", "files", "archive"}, "Evidence.kind": {"advisory", "package-manager", "process", "kernel"},
	"Socket.filter": {"open", "filtered", "unknown"}, "Listener.scope": {"loopback", "local", "any", "unknown"}, "Exit.code": {0, 1, 3},
	"Package.origin": {"distribution", "backports", "vendor", "local", "unknown"}, "Package.manager": {"dpkg", "rpm", "apk"},
}

var severityWords = []any{"critical", "high", "medium", "low", "none", "unknown"}

// derive makes a JSON Schema of a Go type.
func derive(t reflect.Type, defs map[string]any) any {
	switch {
	case t.Kind() == reflect.Pointer:
		return map[string]any{"anyOf": []any{derive(t.Elem(), defs), map[string]any{"type": "null"}}}
	case t.String() == "time.Time":
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[[]byte]():
		return map[string]any{"type": "string", "contentEncoding": "base64"}
	case t.Kind() == reflect.Slice:
		return map[string]any{"type": "array", "items": derive(t.Elem(), defs)}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": derive(t.Elem(), defs)}
	case t.Kind() == reflect.String:
		return map[string]any{"type": "string"}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	case t.Kind() == reflect.Float64:
		return map[string]any{"type": "number"}
	case t.Kind() == reflect.Struct:
		if defs[t.Name()] == nil {
			defs[t.Name()] = true // on the way: types may hold themselves
			defs[t.Name()] = object(t, defs)
		}
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	}
	return map[string]any{"type": "integer"}
}

func object(t reflect.Type, defs map[string]any) any {
	properties, required := map[string]any{}, []string{}
	addFields(t, t.Name(), properties, &required, defs)
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func addFields(t reflect.Type, owner string, properties map[string]any, required *[]string, defs map[string]any) {
	for f := range t.Fields() {
		if f.Anonymous {
			addFields(f.Type, f.Type.Name(), properties, required, defs)
			continue
		}
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		schema := derive(f.Type, defs)
		if values := enums[owner+"."+name]; values != nil {
			schema = map[string]any{"enum": values}
		}
		properties[name] = schema
		if option == "" {
			*required = append(*required, name)
		}
	}
}

func TestGoldenSchema(t *testing.T) {
	publish(t, "scan", "Lockfast scan", reflect.TypeFor[result.Scan](), nil)
}

// publish compares the schema of a type with the published one; -update writes
// it. closed are the closed sets of values of this document alone.
func publish(t *testing.T, name, title string, of reflect.Type, closed map[string][]any) {
	t.Helper()
	defs := map[string]any{}
	root := derive(of, defs)
	for field, values := range closed {
		object, property, _ := strings.Cut(field, ".")
		properties := defs[object].(map[string]any)["properties"].(map[string]any)
		if properties[property] == nil {
			t.Fatalf("%s has no %s", name, field)
		}
		properties[property] = map[string]any{"enum": values}
	}
	schema := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://github.com/lockfast/lockfast/docs/formats/" + name + ".schema.json", "title": title, "$defs": defs, "allOf": []any{root},
	}
	data, err := json.MarshalIndent(schema, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, '\n')
	file := schemaOf(name)
	if *update {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(published, data) {
		t.Errorf("%s is not what its Go type says: run make golden, and raise the schema number if readers could break (%v)", file, err)
	}
}

func schemaOf(name string) string { return "../../docs/formats/" + name + ".schema.json" }

func compile(t *testing.T, files map[string]string, main string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	for id, path := range files {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(id, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile(main)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, name string, data []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func TestJSONFitsItsSchema(t *testing.T) {
	s := compile(t, map[string]string{"scan.json": schemaFile}, "scan.json")
	for name := range samples() {
		data := written(t, name, report.JSON, report.Options{})
		validate(t, s, name, data)
		if bytes.Contains(data, []byte(`"packages": null`)) {
			t.Errorf("%s: a list is null", name)
		}
		var back result.Scan
		if err := json.Unmarshal(data, &back); err != nil || back.Host.Name != samples()[name].Host.Name {
			t.Errorf("%s does not come back: %v", name, err)
		}
	}
	bad := bytes.Replace(written(t, "clean", report.JSON, report.Options{}), []byte(`"findings": []`), []byte(`"findings": null`), 1)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bad))
	if err != nil {
		t.Fatal(err)
	}
	if s.Validate(doc) == nil {
		t.Error("the schema accepts findings that are null")
	}
}

// moduleDir is where the source of a module that the tests need lies.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestCycloneDXFitsThePublishedSchema takes the schema from the module of
// CycloneDX's own Go library.
func TestCycloneDXFitsThePublishedSchema(t *testing.T) {
	dir := filepath.Join(moduleDir(t, "github.com/CycloneDX/cyclonedx-go"), "schema")
	const at = "http://cyclonedx.org/schema/"
	s := compile(t, map[string]string{
		at + "bom-1.6.schema.json": filepath.Join(dir, "bom-1.6.schema.json"), at + "spdx.schema.json": filepath.Join(dir, "spdx.schema.json"), at + "jsf-0.82.schema.json": filepath.Join(dir, "jsf-0.82.schemax.json"),
	}, at+"bom-1.6.schema.json")
	for name := range samples() {
		validate(t, s, name, written(t, name, report.CycloneDX, report.Options{}))
	}
}

// TestSARIFFitsThePublishedSchema takes the schema from the source of go-sarif,
// which carries it as a string.
func TestSARIFFitsThePublishedSchema(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(moduleDir(t, "github.com/owenrumney/go-sarif/v3"), "pkg/report/v210/sarif/schema.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(source), "`")
	schema := rest[:strings.LastIndex(rest, "`")]
	path := filepath.Join(t.TempDir(), "sarif.json")
	if err := os.WriteFile(path, []byte(schema), 0o600); err != nil {
		t.Fatal(err)
	}
	const id = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	s := compile(t, map[string]string{id: path}, id)
	for name := range samples() {
		validate(t, s, name, written(t, name, report.SARIF, report.Options{}))
	}
}

// TestVEXIsReadByItsLibrary lets OpenVEX's own library read and check.
func TestVEXIsReadByItsLibrary(t *testing.T) {
	for name := range samples() {
		doc, err := vex.Parse(written(t, name, report.VEX, report.Options{}))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range doc.Statements {
			if err := doc.Statements[i].Validate(); err != nil {
				t.Errorf("%s: statement %d: %v", name, i, err)
			}
		}
		if name == "rich" && len(doc.Statements) == 0 {
			t.Error("no statements")
		}
	}
}
