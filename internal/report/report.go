package report

import (
	"fmt"
	"io"

	"github.com/lockfast/lockfast/internal/result"
)

// Format is a form in which a scan can be written.
type Format string

// The formats.
const (
	Table      Format = "table"
	JSON       Format = "json"
	SARIF      Format = "sarif"
	CycloneDX  Format = "cyclonedx"
	VEX        Format = "vex"
	HTML       Format = "html"
	Prometheus Format = "prometheus"
)

// Formats lists them in the order in which help names them.
func Formats() []Format {
	return []Format{Table, JSON, SARIF, HTML, CycloneDX, VEX, Prometheus}
}

// Options are for the formats that people read in a terminal.
type Options struct {
	Width int  // columns; 0 means 100
	Color bool // the output is a terminal that shows colours
	All   bool // do not cut lists short
}

// Write writes a scan in a format. An error is the writer's.
func Write(w io.Writer, f Format, s *result.Scan, o Options) error {
	switch f {
	case Table:
		return writeTable(w, s, o)
	case JSON:
		return writeJSON(w, s)
	case SARIF:
		return writeSARIF(w, s)
	case CycloneDX:
		return writeCycloneDX(w, s)
	case VEX:
		return writeVEX(w, s)
	case HTML:
		return writeHTML(w, s)
	case Prometheus:
		return writePrometheus(w, s)
	}
	return fmt.Errorf("internal error: no report format %q", f)
}

// Document writes any of the documents of package result as JSON. Lists are
// never null: null means unknown.
func Document(w io.Writer, v any) error { return encode(w, v) }
