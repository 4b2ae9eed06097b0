// Package pkgver orders package versions exactly as the package managers do.
//
// A [Scheme] is one such order: [Dpkg], [RPM], [APK]. Each is total on all
// strings (antisymmetric, transitive, linear in their length, without
// allocating), so sorting and searching never break on damaged input; [Valid]
// says whether a string is a version at all, and so whether its place in the
// order means anything. Equal in order does not mean equal text: "1.0" and
// "1.00" are the same version for dpkg and rpm.
//
// # How each order was proved
//
// All three: hand-written tables of the tricky cases, properties (pgregory.net/rapid)
// and fuzzing of triples for the laws of a total order, on real versions, mutants
// of them and arbitrary strings.
//
// dpkg: 36,000 pairs of real versions (Debian 12's package lists and Debian's
// advisories; neighbours in sorted order, mutants, any two), each predicted and
// put to `dpkg --compare-versions` 1.21; none wrong. Valid agrees with
// `dpkg --validate-version`, except that dpkg trims blanks and reads a sign
// before an epoch.
//
// rpm: 54,000 pairs of AlmaLinux versions and mutants with tilde and caret, with
// and without release, put to rpm.vercmp of rpm 4.18; none wrong.
//
// Both run again with `go test -tags realtools`, which fails where a tool is
// missing.
//
// apk: there is no apk in Debian. The rules are those of apk-package(5);
// testdata/apk-order.txt.gz holds the answers of apk-tools 3.0.6 itself on
// 21,000 pairs, and every test run compares with them; none wrong. Two known
// limits: apk computes with 64 bits and wraps beyond, we do not; and apk-tools
// 2 (to 2.14, Alpine 3.22) has another rule for numbers after the first that
// start with a zero and go on ("1.0" against "1.00" or "1.01"), where we follow
// apk-tools 3. Over 28,281 generated pairs that rule was the only difference
// between the two, in 328 of them.
package pkgver
