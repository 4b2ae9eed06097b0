package notice

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits of one item, in characters, of its key in bytes; what is longer is cut.
const (
	maxKey   = 300
	maxTitle = 160
	maxText  = 2000
	maxDo    = 400
	maxID    = 64
	maxIDs   = 50
)

// Item is something people may have to know. Problems are handed over as long
// as they stand; what happened (an installation) for as long as it should still
// reach somebody, at least until the next digest.
type Item struct {
	Kind  Kind
	Key   string    // names the matter from look to look: what has the same key is the same
	Title string    // one line
	Text  string    // why, in a few sentences; ages belong into Since
	Do    string    // what to do: a command, or a sentence
	Since time.Time // zero: not known
	// Urgent items do not wait for the digest; those of [ExploitedExposed] never do.
	Urgent bool
	IDs    []string // CVEs, advisories, a transaction
}

// urgent reports whether an item is one to wake somebody for.
func (i Item) urgent() bool { return i.Urgent || i.Kind == ExploitedExposed }

// tidy makes an item clean and short. What is tidy stays as it is.
func (i Item) tidy() Item {
	i.Title, i.Text, i.Do = cut(i.Title, maxTitle), cut(i.Text, maxText), cut(i.Do, maxDo)
	if i.Key = shortKey(i.Key); i.Key == "" {
		i.Key = shortKey(string(i.Kind) + ":" + i.Title)
	}
	if y := i.Since.UTC().Year(); y < 1970 || y > 9998 { // no date of a host, and JSON has none beyond
		i.Since = time.Time{}
	}
	ids := make([]string, 0, min(len(i.IDs), maxIDs))
	for _, id := range i.IDs {
		if id = cut(id, maxID); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	i.IDs = ids[:min(len(ids), maxIDs)]
	return i
}

// shortKey cleans a key and shortens it so that those stay apart which differ
// after the limit.
func shortKey(key string) string {
	if key = Clean(key); len(key) <= maxKey {
		return key
	}
	return cut(key, maxKey/6) + "#" + digest(key) // a character has up to four bytes
}

// print changes with what people would want to hear of again. Numbers in the
// text do not count: "tried 4 times" is no news after "tried 3 times".
func (i Item) print() string {
	var text strings.Builder
	for _, r := range i.Text {
		if r < '0' || r > '9' {
			text.WriteRune(r)
		}
	}
	return digest(string(i.Kind), i.Title, text.String(), i.Do, fmt.Sprint(i.urgent()), strings.Join(i.IDs, " "))
}

// digest is a short hash of strings.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// tidy returns items in the order in which they are told, one a key.
func tidy(items []Item) []Item {
	list := make([]Item, 0, len(items))
	for _, i := range items {
		list = append(list, i.tidy())
	}
	slices.SortFunc(list, order)
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(i Item) bool {
		twice := seen[i.Key]
		seen[i.Key] = true
		return twice
	})
}

// order puts what is urgent first, then goes by kind and key.
func order(a, b Item) int {
	if a.urgent() != b.urgent() {
		if a.urgent() {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(a.Kind.rank(), b.Kind.rank()), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key),
		cmp.Compare(a.Title, b.Title), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Do, b.Do),
		a.Since.Compare(b.Since), slices.Compare(a.IDs, b.IDs))
}
