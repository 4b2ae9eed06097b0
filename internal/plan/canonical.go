package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// maxPlan bounds what is read as a plan, in bytes.
const maxPlan = 64 << 20

// Canonical returns the one form in bytes of a plan: JSON in the canonical form
// of RFC 8785, to be hashed, signed and compared.
func (p *Plan) Canonical() ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("cannot write plan: %w", err)
	}
	value := jsontext.Value(data)
	if err := value.Canonicalize(); err != nil {
		return nil, fmt.Errorf("cannot write plan: %w", err)
	}
	return value, nil
}

// Hash is the SHA-256 of the canonical form, hexadecimal.
func (p *Plan) Hash() (string, error) {
	data, err := p.Canonical()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Read reads a plan. Unknown fields, unknown kinds and newer formats are
// errors: what is not understood must not be done.
func Read(r io.Reader) (*Plan, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPlan+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read plan: %w", err)
	}
	if len(data) > maxPlan {
		return nil, fmt.Errorf("cannot read plan: it is larger than %d bytes", maxPlan)
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("cannot read plan: %w", err)
	}
	if head.Schema != Schema {
		return nil, fmt.Errorf("cannot read plan: its schema is %q, this program knows %q; use the version of lockfast that made it", head.Schema, Schema)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	p := &Plan{}
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("cannot read plan: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("cannot read plan: something follows its end")
	}
	return p, p.Check()
}

// kinds maps each kind to whether a state is the right one for it.
var kinds = map[Kind]func(State) bool{
	WriteFile:  func(s State) bool { return s.File != nil && s.File.Type == Regular },
	RemoveFile: func(s State) bool { return s.File != nil && s.File.Type == Absent },
	Directory:  func(s State) bool { return s.File != nil && s.File.Type == Dir },
	Symlink:    func(s State) bool { return s.File != nil && s.File.Type == Link && s.File.Target != "" },
	Attributes: func(s State) bool { return s.File != nil && s.File.Type != Absent },
	Service:    func(s State) bool { return s.Service != nil },
	Sysctl:     func(s State) bool { return s.Sysctl != nil },
	Packages:   func(s State) bool { return s.Packages != nil && len(s.Packages.Packages) > 0 },
	Reboot:     func(State) bool { return true },
	Probe:      func(State) bool { return true },
}

// Check finds what makes a plan impossible to understand: it names the step.
func (p *Plan) Check() error {
	if len(p.Steps) == 0 {
		return errors.New("plan has no steps")
	}
	for i, s := range p.Steps {
		if err := s.check(); err != nil {
			return fmt.Errorf("step %d of the plan (%s %s): %w", i+1, s.Kind, s.Object, err)
		}
	}
	return nil
}

func (s *Step) check() error {
	fits, known := kinds[s.Kind]
	switch {
	case !known:
		return errors.New("this program does not know its kind; use a newer lockfast")
	case s.Object == "":
		return errors.New("it does not say what it changes")
	case !fits(s.Want):
		return errors.New("the state it wants does not go with its kind")
	case s.Kind == WriteFile && s.Want.File.SHA256 != digest(s.Content), s.Kind == WriteFile && s.Want.File.Size != int64(len(s.Content)):
		return errors.New("its content is not the one that it wants")
	case s.Kind != WriteFile && s.Content != nil:
		return errors.New("it has content that its kind does not use")
	case s.Want.File != nil && s.Expect.File == nil:
		return errors.New("it does not say what it expects to find")
	case s.Kind == Attributes && !sameThing(s.Expect.File, s.Want.File):
		return errors.New("it wants other content, of which its kind knows nothing")
	}
	for _, a := range s.Allow {
		if !slices.Contains([]Allowance{AllowHardLinks, AllowImmutable}, a) {
			return fmt.Errorf("it allows %q, which this program does not know", a)
		}
	}
	return errors.Join(s.Expect.exact(), s.Want.exact())
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// sameThing reports whether two files differ in attributes at most.
func sameThing(a, b *File) bool {
	return a.Type == b.Type && a.SHA256 == b.SHA256 && a.Target == b.Target
}

// exact refuses numbers that the canonical form, in which every number is a
// double, cannot hold. RFC 8785, section 3.2.2.3
func (s State) exact() error {
	const most = 1<<53 - 1
	files := []*File{s.File}
	if s.Packages != nil {
		for _, f := range s.Packages.Conffiles {
			files = append(files, &f)
		}
	}
	for _, f := range files {
		if f != nil && (max(f.Size, int64(f.UID), int64(f.GID)) > most || min(f.Size, int64(f.UID), int64(f.GID)) < -most || f.Links > most) {
			return errors.New("it has a number that is too large")
		}
	}
	return nil
}
