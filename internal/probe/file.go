package probe

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/lockfast/lockfast/internal/policy"
)

// Schema is the format of a file of targets.
const Schema = "lockfast.probes/1"

// maxFile bounds a file's size; a longer one is no list that people keep.
const maxFile = 1 << 20

// file is the YAML form; T is a Target, or a node where only lines are wanted.
type file[T any] struct {
	Schema string `yaml:"schema"`
	Probes []T    `yaml:"probes"`
}

// ParseTargets reads a file of targets. Errors name line and field: a target
// that cannot be read is never taken for none.
func ParseTargets(data []byte) ([]Target, error) {
	if len(data) > maxFile {
		return nil, errors.New("file is over 1 MiB")
	}
	var lines file[yaml.Node]
	if err := policy.StrictYAML(data, &lines); err != nil {
		return nil, err
	}
	if lines.Schema != Schema {
		return nil, fmt.Errorf("schema: is %q, this program reads %q", lines.Schema, Schema)
	}
	for i := range lines.Probes {
		if entry := whole(&lines.Probes[i]); entry.Kind != yaml.MappingNode { // an empty entry would be dropped in silence
			return nil, fmt.Errorf("line %d: a probe is a list entry with url and what it must hold", lines.Probes[i].Line)
		}
	}
	var targets file[Target]
	if err := policy.StrictYAML(data, &targets); err != nil {
		return nil, err
	}
	for i, t := range targets.Probes {
		if err := t.Check(); err != nil {
			return nil, fmt.Errorf("line %d: %w", lineOf(&lines.Probes[i], err), err)
		}
	}
	return targets.Probes, nil
}

// lineOf returns the line of the field that an error is about, or else of its
// entry.
func lineOf(entry *yaml.Node, err error) int {
	entry = whole(entry)
	if e, ok := errors.AsType[*fieldError](err); ok {
		for i := 0; i+1 < len(entry.Content); i += 2 {
			if entry.Content[i].Value == e.field {
				return entry.Content[i].Line
			}
		}
	}
	return entry.Line
}

// whole follows an alias.
func whole(entry *yaml.Node) *yaml.Node {
	if entry.Kind == yaml.AliasNode {
		return entry.Alias
	}
	return entry
}
