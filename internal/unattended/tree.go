package unattended

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	// maxOptions bounds a configuration; a desktop has about 400.
	maxOptions = 20000
	// maxDepth bounds how deep an option lies; apt's own lie at most 8 deep.
	maxDepth = 50
)

// Tree is a configuration of apt: named values below each other, in their
// order, and lists, whose entries have no name. The zero value is empty.
type Tree struct {
	root   item
	count  int
	replay bool // what is set was in a tree before, and comes in that tree's order
}

type item struct {
	tag, value string
	below      []*item
}

// Set gives an option a value: "A::B". A name that ends with "::" adds an entry
// to a list.
func (t *Tree) Set(name, value string) error {
	if strings.Count(name, "::") >= maxDepth {
		return fmt.Errorf("an option lies more than %d deep", maxDepth)
	}
	found := t.lookup(name, true)
	if found == nil {
		return fmt.Errorf("there are more than %d options", maxOptions)
	}
	found.value = value
	return nil
}

// Clear takes away an option's value and everything below it.
func (t *Tree) Clear(name string) {
	if found := t.lookup(name, false); found != nil {
		found.value, found.below = "", nil
	}
}

// Value is an option's value. As for apt, empty is the same as not set.
func (t *Tree) Value(name string) string {
	if found := t.lookup(name, false); found != nil {
		return found.value
	}
	return ""
}

// Has reports whether an option is there, if only with an empty value.
func (t *Tree) Has(name string) bool { return t.lookup(name, false) != nil }

// List is what lies directly below an option: entries of a list, and also
// values with a name, as programs that use apt's library read lists.
func (t *Tree) List(name string) []string {
	found := t.lookup(name, false)
	if found == nil {
		return nil
	}
	list := make([]string, 0, len(found.below))
	for _, i := range found.below {
		list = append(list, i.value)
	}
	return list
}

// Walk visits every option in its order, what is above before what is below.
func (t *Tree) Walk(visit func(name, value string)) {
	var walk func(prefix string, list []*item)
	walk = func(prefix string, list []*item) {
		for _, i := range list {
			visit(prefix+i.tag, i.value)
			walk(prefix+i.tag+"::", i.below)
		}
	}
	walk("", t.root.below)
}

// lookup finds an item as apt does, also where that is odd: what follows a "::"
// is never itself taken for the beginning of another one.
func (t *Tree) lookup(name string, create bool) *item {
	at, start := &t.root, 0
	for i := 0; i+2 <= len(name); i++ {
		if name[i:i+2] != "::" {
			continue
		}
		tag := name[start:i]
		if last := len(at.below) - 1; t.replay && tag == "" && last >= 0 && at.below[last].tag == "" {
			at = at.below[last]
		} else if at = t.below(at, tag, create); at == nil {
			return nil
		}
		start = i + 2
		i = start
	}
	return t.below(at, name[start:], create)
}

// below finds a tag, whatever its case; the empty one never has been there.
func (t *Tree) below(at *item, tag string, create bool) *item {
	if tag != "" {
		for _, i := range at.below {
			if len(i.tag) == len(tag) && sameTag(i.tag, tag) {
				return i
			}
		}
	}
	if !create || t.count >= maxOptions {
		return nil
	}
	t.count++
	made := &item{tag: tag}
	at.below = append(at.below, made)
	return made
}

// sameTag compares ASCII letters without their case, and nothing else.
func sameTag(a, b string) bool {
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// yes reads a value as apt reads yes and no; what is neither is the default.
func yes(value string, otherwise bool) bool {
	// Base 0 also here: apt takes "0x1" for yes.
	if n, err := strconv.ParseInt(strings.TrimLeft(value, " \t\n\v\f\r"), 0, 64); err == nil && !strings.Contains(value, "_") && (n == 0 || n == 1) {
		return n == 1
	}
	switch strings.ToLower(value) {
	case "no", "false", "without", "off", "disable":
		return false
	case "yes", "true", "with", "on", "enable":
		return true
	}
	return otherwise
}
