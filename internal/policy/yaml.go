package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// StrictYAML decodes one YAML document. Unknown fields, a second document and
// an empty file are errors; messages name the line.
func StrictYAML(data []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	switch err := d.Decode(into); {
	case errors.Is(err, io.EOF):
		return errors.New("file is empty")
	case err != nil:
		return errors.New(oneLine(err))
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return errors.New("file holds more than one YAML document")
	}
	return nil
}

// oneLine makes one line of yaml's list of errors, without its prefix and Go's
// type names.
func oneLine(err error) string {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	msg = strings.TrimPrefix(msg, "unmarshal errors:\n")
	var lines []string
	for line := range strings.SplitSeq(msg, "\n") {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " in type ")
		lines = append(lines, line)
	}
	return fmt.Sprint(strings.Join(lines, "; "))
}
