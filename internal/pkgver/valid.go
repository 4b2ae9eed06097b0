package pkgver

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxLength limits the versions [Valid] accepts, in bytes. The longest real ones
// (module builds of RPM distributions) stay below 100.
const maxLength = 1024

// Valid says whether a version keeps the rules of its package manager, so that
// its place in the order can be trusted. The error quotes the version and names
// what breaks the rule; there is nothing in it to inspect.
//
// The rules: for [Dpkg] what `dpkg --validate-version` accepts, without the
// blanks it trims; for [RPM] the characters rpmbuild accepts in versions and
// releases; for [APK] the grammar of apk-package(5).
func Valid(scheme Scheme, version string) error {
	var err error
	switch {
	case version == "":
		return errors.New("invalid version: it is empty")
	case len(version) > maxLength:
		return fmt.Errorf("invalid version %.40q…: longer than %d bytes", version, maxLength)
	case scheme == Dpkg:
		err = validDpkg(version)
	case scheme == RPM:
		err = validRPM(version)
	case scheme == APK:
		err = validAPK(version)
	default:
		err = fmt.Errorf("unknown version scheme %d", scheme)
	}
	if err != nil {
		return fmt.Errorf("invalid version %q: %v", version, err)
	}
	return nil
}

// validDpkg checks the rules of deb-version(7).
func validDpkg(version string) error {
	rest := version
	if epoch, after, found := strings.Cut(version, ":"); found {
		if err := validEpoch(epoch, 31); err != nil { // dpkg keeps it in an int
			return err
		}
		rest = after
	}
	upstream, revision := cutRevision(rest)
	switch {
	case upstream == "":
		return errors.New("no upstream version")
	case !isDigit(upstream[0]):
		return errors.New("the upstream version does not start with a digit")
	case revision == "" && len(upstream) < len(rest):
		return errors.New("nothing after the last hyphen")
	}
	if err := validCharacters("upstream version", upstream, ".-+~:"); err != nil {
		return err
	}
	return validCharacters("revision", revision, ".+~")
}

// validRPM checks epoch, version and release. rpmbuild lets "%", "{" and "}"
// through, and packages with a macro left unexpanded in their release exist.
func validRPM(version string) error {
	const allowed = "._+~^%{}"
	rest := version
	if epoch, after, found := strings.Cut(version, ":"); found {
		if err := validEpoch(epoch, 32); err != nil { // a uint32 in the package header
			return err
		}
		rest = after
	}
	ver, release, found := cutRelease(rest)
	switch {
	case ver == "":
		return errors.New("no version before the release")
	case found && release == "":
		return errors.New("nothing after the last hyphen")
	}
	if err := validCharacters("version", ver, allowed); err != nil {
		return err
	}
	return validCharacters("release", release, allowed)
}

// validAPK walks the tokens: what does not fit the grammar is an invalid token.
func validAPK(version string) error {
	t := firstAPKToken(version)
	for t.kind != apkEnd {
		if t.kind == apkInvalid {
			return fmt.Errorf("unexpected %q at byte %d", t.text, len(version)-len(t.text)+1)
		}
		t.next()
	}
	return nil
}

// validEpoch checks for a decimal number of at most so many bits.
func validEpoch(epoch string, bits int) error {
	if epoch == "" || digitsAt(epoch, 0) < len(epoch) {
		return fmt.Errorf("the epoch %q is not a number", epoch)
	}
	if _, err := strconv.ParseUint(epoch, 10, bits); err != nil {
		return fmt.Errorf("the epoch %s is too large", epoch)
	}
	return nil
}

// validCharacters checks that part consists of ASCII letters, digits and the
// other characters allowed.
func validCharacters(what, part, others string) error {
	for i := range len(part) {
		if c := part[i]; !isAlnum(c) && strings.IndexByte(others, c) < 0 {
			return fmt.Errorf("the %s contains %q", what, c)
		}
	}
	return nil
}
