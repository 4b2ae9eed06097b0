package repack

import (
	"fmt"
	"io"
)

// arMagic begins an ar(5) archive.
const arMagic = "!<arch>\n"

// maxMember is what the ten digits of a size can say.
const maxMember = 9_999_999_999

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// member writes one member of an ar archive. The same package gives the same
// bytes: the time and the owner are those of nobody.
func member(w io.Writer, name string, size int64, content func(io.Writer) (int64, error)) error {
	if size > maxMember {
		return fmt.Errorf("%s is too large for a package: %d bytes", name, size)
	}
	if _, err := fmt.Fprintf(w, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, 0, 0, 0, "100644", size); err != nil {
		return err
	}
	n, err := content(w)
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("%s: %w", name, errChanged)
	}
	if size%2 == 1 {
		_, err = io.WriteString(w, "\n")
	}
	return err
}
