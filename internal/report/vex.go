package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

// OpenVEX 0.2.0. https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
type (
	vexDocument struct {
		Context    string         `json:"@context"`
		ID         string         `json:"@id"`
		Author     string         `json:"author"`
		Role       string         `json:"role"`
		Timestamp  string         `json:"timestamp"`
		Version    int            `json:"version"`
		Tooling    string         `json:"tooling"`
		Statements []vexStatement `json:"statements"`

		seen map[string]bool
	}
	vexStatement struct {
		Vulnerability vexVulnerability `json:"vulnerability"`
		Products      []vexProduct     `json:"products"`
		Status        string           `json:"status"`
		Justification string           `json:"justification,omitempty"`
		Action        string           `json:"action_statement,omitempty"`
		StatusNotes   string           `json:"status_notes,omitempty"`
	}
	vexVulnerability struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	vexProduct struct {
		ID          string         `json:"@id"`
		Identifiers vexIdentifiers `json:"identifiers"`
	}
	vexIdentifiers struct {
		PURL string `json:"purl"`
	}
)

func writeVEX(w io.Writer, s *result.Scan) error {
	doc := vexDocument{
		Context: "https://openvex.dev/ns/v0.2.0", ID: homepage + "/vex/" + strings.TrimPrefix(serial(s), "urn:uuid:"), Author: "Lockfast", Role: "automated scan of a host", Version: 1,
		Timestamp: stamp(s.Generated), Tooling: clean(vexTooling(s)), Statements: []vexStatement{}, seen: map[string]bool{},
	}
	x := indexPackages(s)
	for i := range s.Findings {
		doc.add(vexOf(&s.Findings[i], x, "")...)
	}
	for i := range s.Waived {
		doc.add(vexOf(&s.Waived[i].Finding, x, waivedNote(&s.Waived[i]))...)
	}
	for i := range s.Unknown {
		u := &s.Unknown[i]
		for _, id := range u.IDs {
			doc.add(vexStatement{Vulnerability: vexVulnerability{Name: id}, Products: x.products(x.named(u.Packages)), Status: "under_investigation", StatusNotes: u.Why})
		}
	}
	return encode(w, doc)
}

// vexTooling names the program and, as the format has no better place, whether
// the scan answered in full.
func vexTooling(s *result.Scan) string {
	text := strings.TrimSpace(s.Tool.Name + " " + s.Tool.Version)
	if !looked(s) {
		text += "; incomplete: not everything could be looked at"
	}
	return text
}

// add takes statements into the document: none about no product, which the
// format has no room for, and none twice, which its schema forbids.
func (d *vexDocument) add(statements ...vexStatement) {
	for _, st := range statements {
		key := fmt.Sprint(st)
		if len(st.Products) > 0 && !d.seen[key] {
			d.seen[key] = true
			d.Statements = append(d.Statements, st)
		}
	}
}

// products are packages as VEX names them, each once; those without a package
// URL have no name there.
func (x *packageIndex) products(positions []int) []vexProduct {
	list := []vexProduct{}
	seen := map[string]bool{}
	for _, i := range positions {
		purl := x.list[i].PURL
		if purl != "" && !seen[purl] {
			seen[purl] = true
			list = append(list, vexProduct{ID: purl, Identifiers: vexIdentifiers{purl}})
		}
	}
	return list
}

// vexOf makes one statement for each vulnerability of a finding; for each id
// where nothing more is known than that.
func vexOf(f *result.Finding, x *packageIndex, waived string) []vexStatement {
	on := x.products(x.of(f))
	what := make([]vexVulnerability, 0, len(f.Vulnerabilities))
	for i := range f.Vulnerabilities {
		what = append(what, vexVulnerability{Name: f.Vulnerabilities[i].ID, Description: f.Vulnerabilities[i].Summary})
	}
	if len(what) == 0 {
		for _, id := range f.IDs {
			what = append(what, vexVulnerability{Name: id})
		}
	}
	list := make([]vexStatement, 0, len(what))
	for _, v := range what {
		st := vexStatement{Vulnerability: v, Products: on, Status: "affected", Action: action(f), StatusNotes: f.Reason}
		if f.Status == result.StatusLeftover {
			// Either a justification or an impact statement, not both.
			st.Status, st.Action, st.Justification = "not_affected", "", "vulnerable_code_not_in_execute_path"
		}
		if waived != "" {
			st.StatusNotes = strings.TrimSpace(st.StatusNotes + " " + waived)
		}
		list = append(list, st)
	}
	return list
}
