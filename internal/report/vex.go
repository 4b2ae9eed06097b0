package report

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/lockfast/lockfast/internal/result"
)

// OpenVEX 0.2.0. https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
type (
	vexDocument struct {
		Context    string         `json:"@context"`
		ID         string         `json:"@id"`
		Author     string         `json:"author"`
		Timestamp  string         `json:"timestamp"`
		Version    int            `json:"version"`
		Tooling    string         `json:"tooling"`
		Statements []vexStatement `json:"statements"`
	}
	vexStatement struct {
		Vulnerability vexVulnerability `json:"vulnerability"`
		Products      []vexProduct     `json:"products"`
		Status        string           `json:"status"`
		Justification string           `json:"justification,omitempty"`
		Impact        string           `json:"impact_statement,omitempty"`
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
	sum := sha256.Sum256([]byte(s.Host.Name + "\x00" + s.Host.Root + "\x00" + s.Generated.String()))
	doc := vexDocument{
		Context: "https://openvex.dev/ns/v0.2.0", ID: fmt.Sprintf("%s/vex/%x", homepage, sum), Author: "lockfast", Version: 1,
		Timestamp: s.Generated.UTC().Format("2006-01-02T15:04:05Z"), Tooling: s.Tool.Name + " " + s.Tool.Version, Statements: []vexStatement{},
	}
	installed := index(s)
	for i := range s.Findings {
		doc.Statements = append(doc.Statements, vexOf(&s.Findings[i], installed)...)
	}
	for i := range s.Unknown {
		u := &s.Unknown[i]
		for _, id := range u.IDs {
			doc.add(vexStatement{Vulnerability: vexVulnerability{Name: id}, Products: products(installed.named(u.Packages)), Status: "under_investigation", StatusNotes: u.Why})
		}
	}
	return encode(w, doc)
}

// add leaves out statements about no product: the format has no room for them.
func (d *vexDocument) add(st vexStatement) {
	if len(st.Products) > 0 {
		d.Statements = append(d.Statements, st)
	}
}

func products(packages []int, s *result.Scan) []vexProduct {
	list := []vexProduct{}
	for _, i := range packages {
		purl := s.Inventory[i].PURL
		list = append(list, vexProduct{ID: purl, Identifiers: vexIdentifiers{purl}})
	}
	return list
}

// vexOf makes one statement for each vulnerability of a finding.
func vexOf(f *result.Finding, installed packageIndex) []vexStatement {
	on := products(installed.of(f))
	if len(on) == 0 {
		return nil
	}
	list := make([]vexStatement, 0, len(f.Vulnerabilities))
	for i := range f.Vulnerabilities {
		v := &f.Vulnerabilities[i]
		st := vexStatement{Vulnerability: vexVulnerability{Name: v.ID, Description: v.Summary}, Products: on, Status: "affected", Action: fix(f), StatusNotes: f.Reason}
		if f.Status == result.StatusLeftover {
			st.Status, st.Action = "not_affected", ""
			st.Justification, st.Impact = "vulnerable_code_not_in_execute_path", f.Reason
		}
		list = append(list, st)
	}
	return list
}
