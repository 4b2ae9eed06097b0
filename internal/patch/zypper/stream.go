package zypper

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// stream is what zypper prints with --xmlout, as /usr/share/zypper/xml/xmlout.rnc
// describes it. Elements that are not named here are ignored, unless packages
// stand in them.
type stream struct {
	XMLName   xml.Name     `xml:"stream"`
	Messages  []message    `xml:"message"`
	Prompts   []prompt     `xml:"prompt"`
	Status    *status      `xml:"update-status"`
	Summary   *summary     `xml:"install-summary"`
	RepoList  *repoList    `xml:"repo-list"`
	Locks     *lockList    `xml:"locks"`
	Downloads []downloaded `xml:"download-result"`
	Other     []node       `xml:",any"`
}

type message struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

type prompt struct {
	ID          string `xml:"id,attr"`
	Description string `xml:"description"`
}

type status struct {
	Lists []updateList `xml:",any"`
}

type updateList struct {
	XMLName xml.Name `xml:""`
	Updates []update `xml:"update"`
	Other   []node   `xml:",any"`
}

type update struct {
	Kind       string `xml:"kind,attr"`
	Name       string `xml:"name,attr"`
	Edition    string `xml:"edition,attr"`
	Arch       string `xml:"arch,attr"`
	EditionOld string `xml:"edition-old,attr"`
	Status     string `xml:"status,attr"`
	Category   string `xml:"category,attr"`
	Severity   string `xml:"severity,attr"`
	Source     struct {
		Alias string `xml:"alias,attr"`
	} `xml:"source"`
	Issued struct {
		Seconds int64 `xml:"time_t,attr"`
	} `xml:"issue-date"`
	Issues []struct {
		Type string `xml:"type,attr"`
		ID   string `xml:"id,attr"`
	} `xml:"issue-list>issue"`
}

type summary struct {
	Sections []section `xml:",any"`
}

type section struct {
	XMLName   xml.Name   `xml:""`
	Solvables []solvable `xml:"solvable"`
	Other     []node     `xml:",any"`
}

type solvable struct {
	Type       string `xml:"type,attr"`
	Name       string `xml:"name,attr"`
	Edition    string `xml:"edition,attr"`
	Arch       string `xml:"arch,attr"`
	EditionOld string `xml:"edition-old,attr"`
	ArchOld    string `xml:"arch-old,attr"`
}

type repoList struct {
	Repos []repo `xml:"repo"`
}

type repo struct {
	Alias        string `xml:"alias,attr"`
	Type         string `xml:"type,attr"`
	Enabled      string `xml:"enabled,attr"`
	GPGCheck     string `xml:"gpgcheck,attr"`
	RepoGPGCheck string `xml:"repo_gpgcheck,attr"`
	PkgGPGCheck  string `xml:"pkg_gpgcheck,attr"`
}

type lockList struct {
	Locks []struct {
		Matches []struct {
			Kind      string `xml:"kind,attr"`
			Name      string `xml:"name,attr"`
			Arch      string `xml:"arch,attr"`
			Installed string `xml:"installed,attr"`
		} `xml:"matches>match"`
	} `xml:"lock"`
}

type downloaded struct {
	Name    string `xml:"solvable>name"`
	Arch    string `xml:"solvable>arch"`
	Edition struct {
		Epoch   string `xml:"epoch,attr"`
		Version string `xml:"version,attr"`
		Release string `xml:"release,attr"`
	} `xml:"solvable>edition"`
	Repository struct {
		Alias string `xml:"alias,attr"`
	} `xml:"solvable>repository"`
	File struct {
		Path string `xml:"path,attr"`
	} `xml:"localfile"`
}

type node struct {
	XMLName xml.Name `xml:""`
	Nodes   []node   `xml:",any"`
}

// packages reports whether packages are named anywhere inside.
func (n *node) packages() bool {
	if n.XMLName.Local == "solvable" || n.XMLName.Local == "update" {
		return true
	}
	for i := range n.Nodes {
		if n.Nodes[i].packages() {
			return true
		}
	}
	return false
}

// parseStream reads the output of one run.
func parseStream(data []byte) (*stream, error) {
	var s stream
	if err := xml.Unmarshal(printable(data), &s); err != nil {
		return nil, fmt.Errorf("cannot read the XML that zypper printed: %v", err)
	}
	for i := range s.Other {
		if n := &s.Other[i]; n.packages() {
			return nil, fmt.Errorf("zypper names packages in an element <%s> that is not known here: this version of zypper is too new", n.XMLName.Local)
		}
	}
	return &s, nil
}

// printable leaves out what XML cannot hold: package scripts print what they
// like, and zypper passes it on.
func printable(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		valid := r >= ' ' || r == '\n' || r == '\t' || r == '\r'
		if valid && (r != utf8.RuneError || n > 1) && r != 0xFFFE && r != 0xFFFF {
			out = append(out, data[:n]...)
		}
		data = data[n:]
	}
	return out
}

// updates are the entries of list-updates and list-patches; those that wait for
// an update of zypper itself are among them.
func (s *stream) updates() ([]update, error) {
	if s.Status == nil {
		return nil, errors.New("zypper listed no updates, not even an empty list")
	}
	var all []update
	for _, list := range s.Status.Lists {
		switch list.XMLName.Local {
		case "update-list", "blocked-update-list":
			all = append(all, list.Updates...)
		default:
			return nil, fmt.Errorf("zypper lists updates in an element <%s> that is not known here: this version of zypper is too new", list.XMLName.Local)
		}
	}
	return all, nil
}

// errorText is what zypper called errors, as one line.
func (s *stream) errorText() string {
	var all []string
	for _, m := range s.Messages {
		if m.Type == "error" {
			all = append(all, oneLine(m.Text))
		}
	}
	return strings.Join(all, "; ")
}

// conflict is why the solver gave up, "" if it did not.
func (s *stream) conflict() string {
	var all []string
	for _, p := range s.Prompts {
		text, isProblem := strings.CutPrefix(strings.TrimSpace(p.Description), "Problem: ")
		if !isProblem {
			continue
		}
		text, _, _ = strings.Cut(text, "\n Solution ")
		all = append(all, oneLine(text))
	}
	return strings.Join(all, "; ")
}

func oneLine(s string) string {
	const most = 500
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
