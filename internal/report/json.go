package report

import (
	"bufio"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lockfast/lockfast/internal/result"
)

// writeJSON writes the document of docs/formats/scan.md. Lists are never null:
// null means unknown, and an empty list that nothing was found.
func writeJSON(w io.Writer, s *result.Scan) error { return encode(w, s) }

// encode writes a value as indented JSON; nil lists and maps become empty ones.
func encode(w io.Writer, v any) error {
	out := bufio.NewWriterSize(w, 1<<16)
	if err := json.MarshalWrite(escaper{out}, v, jsontext.WithIndent("  "), json.Deterministic(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return err
	}
	_ = out.WriteByte('\n') // Flush reports what failed
	return out.Flush()
}

// escaper writes JSON so that a terminal can show it: characters that control
// it, or hide or reorder text, stand as \u escapes. JSON allows them raw, and
// they can only be inside strings.
type escaper struct{ out *bufio.Writer }

func (e escaper) Write(p []byte) (int, error) {
	from := 0
	for i := 0; i < len(p); {
		if p[i] < utf8.RuneSelf && p[i] != 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(p[i:])
		if unsafe(r) {
			if _, err := e.out.Write(p[from:i]); err != nil {
				return 0, err
			}
			for _, unit := range utf16.Encode([]rune{r}) {
				if _, err := fmt.Fprintf(e.out, `\u%04x`, unit); err != nil {
					return 0, err
				}
			}
			from = i + size
		}
		i += size
	}
	if _, err := e.out.Write(p[from:]); err != nil {
		return 0, err
	}
	return len(p), nil
}
