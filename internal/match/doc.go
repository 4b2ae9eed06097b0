// Package match says which advisories apply to the packages of a host.
//
// [Packages] compares each installed package with the rows of its release and
// answers with a [Hit] for each that applies or may apply; [Findings] merges the
// hits, and what the package manager itself says, to one finding per fix.
//
// Rules that peers get wrong and that stand here on purpose:
//   - A version proves something only against advisories of those who built the
//     package. A vendor's or backported package is unknown, not fixed.
//   - Kernel headers and linux-libc-dev carry no kernel code. An old kernel left
//     on disk is not the running one; a new one on disk is not running yet.
//   - An rpm module build is compared within its stream only.
//   - A record that names one package twice (module rebuilds) names two builds
//     that both carry the fix: the lower one suffices.
//   - Withdrawn, "not affected" and "ignored" records are respected.
package match
