package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/stay"
)

// document is one of the documents of verbs that change a host.
type document struct {
	name, title string
	of          reflect.Type
	closed      map[string][]any // closed sets of values, by type and field
	empty       any              // with nothing to say
}

func changeDocuments() []document {
	kinds := []any{plan.WriteFile, plan.RemoveFile, plan.Directory, plan.Symlink, plan.Attributes, plan.Service, plan.Sysctl, plan.Packages, plan.Reboot, plan.Probe}
	types := []any{plan.Absent, plan.Regular, plan.Dir, plan.Link}
	severities := append(slices.Clone(severityWords), "")
	origins := []any{"cache", "archive", "snapshot", "repacked", "none", "new"}
	return []document{
		{"plan", "Lockfast plan", reflect.TypeFor[plan.Plan](), map[string][]any{
			"Plan.schema": {plan.Schema}, "Step.kind": kinds, "File.type": types,
		}, &plan.Plan{Schema: plan.Schema}},
		{"fix-plan", "Lockfast fix plan", reflect.TypeFor[result.FixPlan](), map[string][]any{
			"FixPlan.schema": {result.FixPlanSchema}, "FixPlan.manager": {"apt", "dnf", "zypper"}, "Update.previous": origins, "Update.severity": severities,
			"Plan.schema": {plan.Schema}, "Step.kind": kinds, "File.type": types, "Exit.code": {0, 2, 3},
		}, &result.FixPlan{Schema: result.FixPlanSchema, Manager: "apt"}},
		{"fix", "Lockfast fix", reflect.TypeFor[result.Fix](), map[string][]any{
			"Fix.schema": {result.FixSchema}, "Fix.status": {"nothing to do", "done", "waits for a reboot", "rolled back", "partly taken back", "needs a person"},
			"Update.previous": origins, "Update.severity": severities, "Judgement.state": {"ok", "broken", "not judged"}, "Exit.code": {0, 2, 3, 4, 5, 6, 7},
		}, &result.Fix{Schema: result.FixSchema, Status: "nothing to do"}},
		{"undo", "Lockfast undo", reflect.TypeFor[result.Undo](), map[string][]any{
			"Undo.schema": {result.UndoSchema}, "Undo.status": {"planned", "nothing to do", "done", "failed"},
			"Plan.schema": {plan.Schema}, "Step.kind": kinds, "File.type": types, "Exit.code": {0, 2, 3, 4, 5, 6},
		}, &result.Undo{Schema: result.UndoSchema, Status: "planned"}},
		{"history", "Lockfast history", reflect.TypeFor[result.History](), map[string][]any{
			"History.schema": {result.HistorySchema}, "Step.kind": kinds, "File.type": types,
			"Step.status": {"do", "doing", "done", "undo", "undoing", "undone", "wait", "held", "failed"},
		}, &result.History{Schema: result.HistorySchema}},
		{"stay-status", "Lockfast stay-secure status", reflect.TypeFor[stay.Status](), map[string][]any{
			"Status.schema": {stay.StatusSchema}, "Status.mode": {stay.Auto, stay.Download, stay.Notify, stay.Mode("")},
			"Status.reboot": {stay.RebootNever, stay.RebootWhenNeeded, stay.RebootWindow}, "Wait.for": {"window", "person", "mains", "network", "users", "retry", "pause"},
			"Exit.code": {0, 3, 5},
		}, &stay.Status{Schema: stay.StatusSchema, Reboot: stay.RebootNever}},
	}
}

// filled are the samples that are of a document's type.
func (d document) filled() map[string]any {
	all := map[string]any{"empty": d.empty}
	for name, v := range changeSamples() {
		if reflect.TypeOf(v).Elem() == d.of {
			all[name] = v
		}
	}
	return all
}

func TestGoldenChangeSchemas(t *testing.T) {
	for _, d := range changeDocuments() {
		publish(t, d.name, d.title, d.of, d.closed)
		names := map[string]reflect.Type{}
		for typ := range structs(d.of) {
			if other := names[typ.Name()]; other != nil {
				t.Errorf("%s: %v and %v have one name in the schema", d.name, typ, other)
			}
			names[typ.Name()] = typ
		}
	}
}

// structs are all types of objects in a document.
func structs(of reflect.Type) map[reflect.Type]bool {
	found := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() { //nolint:exhaustive // the rest hold nothing
		case reflect.Pointer, reflect.Slice, reflect.Map:
			walk(typ.Elem())
		case reflect.Struct:
			if typ == reflect.TypeFor[time.Time]() || found[typ] {
				return
			}
			found[typ] = true
			for f := range typ.Fields() {
				walk(f.Type)
			}
		}
	}
	walk(of)
	return found
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := report.Document(&out, v); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestChangeDocumentsFitTheirSchemas(t *testing.T) {
	for _, d := range changeDocuments() {
		s := compile(t, map[string]string{d.name: schemaOf(d.name)}, d.name)
		samples := d.filled()
		if len(samples) < 2 {
			t.Errorf("%s has no sample", d.name)
		}
		for name, v := range samples {
			data := encoded(t, v)
			validate(t, s, d.name+" "+name, data)
			back := reflect.New(d.of).Interface()
			if err := json.Unmarshal(data, back); err != nil || !bytes.Equal(encoded(t, back), data) {
				t.Errorf("%s %s does not come back: %v", d.name, name, err)
			}
		}
		for what, change := range map[string]func(map[string]any){
			"another schema":   func(m map[string]any) { m["schema"] = "lockfast.scan/1" },
			"an unknown field": func(m map[string]any) { m["quantum"] = 1 },
			"a missing field":  func(m map[string]any) { delete(m, "schema") },
			"a list is null": func(m map[string]any) {
				for k, v := range m {
					if _, ok := v.([]any); ok {
						m[k] = nil
					}
				}
			},
		} {
			var m map[string]any
			if err := json.Unmarshal(encoded(t, d.empty), &m); err != nil {
				t.Fatal(err)
			}
			change(m)
			if accepts(t, s, m) {
				t.Errorf("%s: the schema accepts %s", d.name, what)
			}
		}
	}
}

func accepts(t *testing.T, s *jsonschema.Schema, v any) bool {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc) == nil
}

// A plan in its canonical form fits the schema too, and what stands in a
// document can be read as a plan and has the same hash.
func TestPlanInADocumentIsThePlan(t *testing.T) {
	p := samplePlan()
	canonical, err := p.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	validate(t, compile(t, map[string]string{"plan": schemaOf("plan")}, "plan"), "canonical", canonical)
	again, err := plan.Read(bytes.NewReader(encoded(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	a, errA := p.Hash()
	b, errB := again.Hash()
	if errA != nil || errB != nil || a != b {
		t.Errorf("%s %v, %s %v", a, errA, b, errB)
	}
}

// Every field of the documents is described in the section of its type: in the
// document's own page, or the one that has the type already.
func TestEveryFieldOfChangesIsDocumented(t *testing.T) {
	pages := map[string]map[string]map[string]bool{}
	for _, page := range []string{"scan", "plan", "fix", "stay"} {
		pages[page] = documented(t, page)
	}
	known := map[string]bool{}
	for _, d := range changeDocuments() {
		for typ := range structs(d.of) {
			page := "fix"
			switch {
			case strings.HasSuffix(typ.PkgPath(), "/plan"):
				page = "plan"
			case strings.HasSuffix(typ.PkgPath(), "/stay"):
				page = "stay"
			case pages["scan"][typ.Name()] != nil && structs(reflect.TypeFor[result.Scan]())[typ]:
				continue // TestEveryFieldIsDocumented looks after it
			}
			known[page+typ.Name()] = true
			for f := range typ.Fields() {
				if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !pages[page][typ.Name()][name] {
					t.Errorf("docs/formats/%s.md does not describe %q in a section %q", page, name, typ.Name())
				}
			}
		}
	}
	for _, page := range []string{"plan", "fix", "stay"} {
		for name := range pages[page] {
			if name[0] >= 'A' && name[0] <= 'Z' && !strings.ContainsAny(name, " \n") && !known[page+name] {
				t.Errorf("docs/formats/%s.md describes %q, which is in no document", page, name)
			}
		}
	}
}

// A plan's page names each kind of step, and fix.md each exit code that the
// schemas know.
func TestClosedSetsAreDocumented(t *testing.T) {
	for _, d := range changeDocuments() {
		for field, values := range d.closed {
			page := "fix"
			if strings.HasPrefix(field, "Step.kind") || strings.HasPrefix(field, "File.") || strings.HasPrefix(field, "Plan.") {
				page = "plan"
			}
			if strings.HasSuffix(d.of.PkgPath(), "/stay") {
				page = "stay"
			}
			text := read(t, "../../docs/formats/"+page+".md")
			for _, v := range values {
				if word := fmt.Sprint(v); word != "" && field != "Update.severity" && !strings.Contains(text, word) {
					t.Errorf("docs/formats/%s.md does not say %q of %s", page, word, field)
				}
			}
		}
	}
}
