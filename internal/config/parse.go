package config

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lockfast/lockfast/internal/policy"
)

// Parse reads a configuration file. Errors name line and field.
func Parse(data []byte) (Config, error) { return Config{}.Layer(data) }

// Layer reads a file over c: what it sets, also a whole list, replaces what was
// set before.
func (c Config) Layer(data []byte) (Config, error) {
	c.Schema = ""
	if err := policy.StrictYAML(data, &c); err != nil {
		return Config{}, located(data, err)
	}
	if c.Schema != Schema {
		return Config{}, fmt.Errorf("schema: is %q, this program reads %q", c.Schema, Schema)
	}
	if problem := c.check(); problem != nil {
		return Config{}, placed(data, problem)
	}
	return c, nil
}

// Text writes what is set as a file, with a comment above it.
func (c Config) Text(comment string) (string, error) {
	c.Schema = Schema
	var b strings.Builder
	for line := range strings.Lines(comment) {
		b.WriteString("# " + strings.TrimRight(line, "\n") + "\n")
	}
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(c); err != nil {
		return "", fmt.Errorf("cannot write configuration: %w", err)
	}
	return b.String(), e.Close()
}

// fieldError is what is wrong with a field, "stay_secure.windows".
type fieldError struct {
	field string
	err   error
}

func (e *fieldError) Error() string { return fmt.Sprintf("%s: %v", e.field, e.err) }

// placed adds the line to a problem; one with a field that an earlier file set
// has none here.
func placed(data []byte, p *fieldError) error {
	if line := lines(data)[p.field]; line > 0 {
		return fmt.Errorf("line %d: %w", line, p)
	}
	return p
}

var lineOf = regexp.MustCompile(`^line (\d+): (.*)$`)

// located adds the field to an error of the decoder, which names the line at
// best: an Age that cannot be read names neither.
func located(data []byte, err error) error {
	found := lineOf.FindStringSubmatch(err.Error())
	if found == nil {
		return agesIn(data, err)
	}
	n, convErr := strconv.Atoi(found[1])
	if convErr != nil || strings.HasPrefix(found[2], "field ") {
		return err
	}
	var named error
	walk(data, func(field string, node *yaml.Node) {
		if named == nil && node.Line == n && node.Kind == yaml.ScalarNode && !strings.Contains(found[2], ";") {
			named = fmt.Errorf("line %d: %s: %s", n, field, found[2])
		}
	})
	return cmp.Or(named, err)
}

// agesIn finds the field whose text an error complains about.
func agesIn(data []byte, err error) error {
	text, _, ok := strings.Cut(strings.TrimPrefix(err.Error(), `"`), `" is no age`)
	if !ok {
		return err
	}
	var found error
	walk(data, func(field string, node *yaml.Node) {
		if found == nil && node.Kind == yaml.ScalarNode && node.Value == text {
			found = fmt.Errorf("line %d: %s: %w", node.Line, field, err)
		}
	})
	return cmp.Or(found, err)
}

// lines maps fields to the lines they are on.
func lines(data []byte) map[string]int {
	at := map[string]int{}
	walk(data, func(field string, node *yaml.Node) { at[field] = node.Line })
	return at
}

// walk visits every field of a document that is well-formed.
func walk(data []byte, visit func(field string, node *yaml.Node)) {
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) != nil || len(doc.Content) == 0 {
		return
	}
	var below func(prefix string, node *yaml.Node)
	below = func(prefix string, node *yaml.Node) {
		if node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			field := prefix + node.Content[i].Value
			value := node.Content[i+1]
			visit(field, value)
			below(field+".", value)
		}
	}
	below("", doc.Content[0])
}
