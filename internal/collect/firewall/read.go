package firewall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
)

// maxRules limits what a program may print, in bytes: some 200,000 rules.
const maxRules = 64 << 20

// read gathers the rules of nftables and of the older iptables, which a packet
// meets both. An error means that something may be there that was not read.
func (c Collector) read(ctx context.Context, host collect.Host) (ruleset, error) {
	if host.Exec == nil {
		return nil, errors.New("no program may be run")
	}
	if !host.Privileged {
		return nil, errors.New("not root; run as root")
	}
	rules, err := c.nftables(ctx, host.Exec)
	if err != nil {
		return nil, err
	}
	for _, family := range []string{"ip", "ip6"} {
		old, err := legacy(ctx, host, family)
		if err != nil {
			return nil, err
		}
		rules = append(rules, old...)
	}
	return rules, nil
}

// nftables asks nft. Tables that iptables made hold parts that nft's JSON does
// not show; for these iptables is asked.
func (c Collector) nftables(ctx context.Context, run hostexec.Runner) (ruleset, error) {
	out, err := ask(ctx, run, "nft", "-j", "list", "ruleset")
	if errors.Is(err, hostexec.ErrNotFound) {
		return nil, c.withoutNFT()
	}
	if err != nil {
		return nil, err
	}
	rules, err := parseNFT(out)
	if err != nil {
		return nil, err
	}
	for _, family := range []string{"ip", "ip6"} {
		if !rules.partial(family) {
			continue
		}
		out, err := ask(ctx, run, saveProgram(family, ""))
		if err != nil || !bytes.Contains(firstLine(out), []byte("nf_tables")) {
			continue // the parts stay undecided, and say so
		}
		translated, err := parseIPTables(out, family, false)
		if err != nil {
			return nil, fmt.Errorf("cannot read the answer of %s: %w", saveProgram(family, ""), err)
		}
		rules = rules.replace(family, translated)
	}
	return rules, nil
}

// withoutNFT is fine if the kernel has no tables.
func (c Collector) withoutNFT() error {
	count := c.Tables
	if count == nil {
		count = countTables
	}
	n, err := count()
	switch {
	case err != nil:
		return fmt.Errorf("nft is not installed, and the kernel does not say whether it has rules: %w; install nftables", err)
	case n > 0:
		return fmt.Errorf("nft is not installed, but the kernel has %d tables of rules; install nftables", n)
	}
	return nil
}

// legacy reads the rules of iptables in its older form, of which the kernel
// lists the tables in use.
func legacy(ctx context.Context, host collect.Host, family string) (ruleset, error) {
	name := "proc/net/" + map[string]string{"ip": "ip_tables_names", "ip6": "ip6_tables_names"}[family]
	tables, err := hostfs.ReadLimited(host.FS, name, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read which tables iptables has: %w", err)
	}
	if len(bytes.TrimSpace(tables)) == 0 {
		return nil, nil
	}
	program := saveProgram(family, "-legacy")
	out, err := ask(ctx, host.Exec, program)
	if errors.Is(err, hostexec.ErrNotFound) { // before iptables had two forms
		program = saveProgram(family, "")
		out, err = ask(ctx, host.Exec, program)
		if err == nil && bytes.Contains(firstLine(out), []byte("nf_tables")) {
			err = fmt.Errorf("iptables tables are in use (%s), which %s does not show; install iptables with its legacy programs", strings.Join(strings.Fields(string(tables)), ", "), program)
		}
	}
	if err != nil {
		return nil, err
	}
	rules, err := parseIPTables(out, family, true)
	if err != nil {
		return nil, fmt.Errorf("cannot read the answer of %s: %w", program, err)
	}
	return rules, nil
}

// saveProgram names the program that prints the rules of a family.
func saveProgram(family, form string) string {
	if family == "ip6" {
		return "ip6tables" + form + "-save"
	}
	return "iptables" + form + "-save"
}

func firstLine(out []byte) []byte {
	line, _, _ := bytes.Cut(out, []byte{'\n'})
	return line
}

// ask runs a program that prints rules.
func ask(ctx context.Context, run hostexec.Runner, name string, args ...string) ([]byte, error) {
	answer, err := run.Run(ctx, hostexec.Cmd{Name: name, Args: args, MaxOutput: maxRules})
	if err != nil {
		return nil, err
	}
	if answer.Code != 0 {
		return nil, fmt.Errorf("%s ended with %d: %.200s", name, answer.Code, bytes.TrimSpace(answer.Stderr))
	}
	return answer.Stdout, nil
}

// partial reports whether a family has rules that nft does not show in full.
func (r ruleset) partial(family string) bool {
	for _, t := range r {
		if t.family == family && t.partial {
			return true
		}
	}
	return false
}

// replace puts the tables that iptables printed in place of those that nft
// could not print in full.
func (r ruleset) replace(family string, by ruleset) ruleset {
	var kept ruleset
	for _, t := range r {
		one := t
		for _, b := range by {
			if t.family == family && t.partial && b.name == t.name {
				one = b
			}
		}
		kept = append(kept, one)
	}
	return kept
}
