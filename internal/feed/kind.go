package feed

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// kind is what a document holds.
type kind uint8

const (
	kindOSV  kind = 1
	kindKEV  kind = 2
	kindEPSS kind = 3
	kindCVE  kind = 4
)

// peekSize is how much of a document is looked at to see what it is: the keys
// that tell are near the beginning in everything that is published.
const peekSize = 64 << 10

var (
	errEmptyFile = errors.New("it is empty; download it again")
	errUnknown   = errors.New("it is none of: OSV record or zip of them, KEV catalogue, EPSS scores, CVE record (NVD JSON 2.0 or CVE 5.x)")
)

// kindOf sees from its beginning what a document holds.
func kindOf(r *bufio.Reader) (kind, error) {
	head, err := r.Peek(peekSize)
	if len(head) == 0 {
		if errors.Is(err, io.EOF) || err == nil {
			return 0, errEmptyFile
		}
		return 0, err
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("#model_version")):
		return kindEPSS, nil
	case bytes.HasPrefix(text, []byte("{")):
		return kindOfJSON(text)
	case len(text) == 0:
		return 0, errEmptyFile
	}
	return 0, errUnknown
}

// kindOfJSON reads top-level names until one tells.
func kindOfJSON(head []byte) (kind, error) {
	in := jsontext.NewDecoder(bytes.NewReader(head), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := in.ReadToken(); err != nil {
		return 0, err
	}
	for {
		token, err := in.ReadToken()
		if err != nil || token.Kind() != '"' {
			return kindOfBroken(head)
		}
		switch strings.Clone(token.String()) {
		case "schema_version", "id", "modified", "affected", "withdrawn", "aliases":
			return kindOSV, nil
		case "catalogVersion", "dateReleased":
			return kindKEV, nil
		case "resultsPerPage", "totalResults", "dataType", "cveMetadata", "containers":
			return kindCVE, nil
		}
		if err := in.SkipValue(); err != nil {
			return kindOfBroken(head)
		}
	}
}

// kindOfBroken guesses where the beginning is no JSON that can be read, or says
// too little, so that the right parser says what is wrong.
func kindOfBroken(head []byte) (kind, error) {
	switch {
	case bytes.Contains(head, []byte(`"cveID"`)):
		return kindKEV, nil
	case bytes.Contains(head, []byte(`"affected"`)) || bytes.Contains(head, []byte(`"modified"`)):
		return kindOSV, nil
	}
	return 0, errUnknown
}
