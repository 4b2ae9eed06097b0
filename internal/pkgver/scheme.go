package pkgver

// Scheme is a version order.
type Scheme uint8

// The version orders. Written-out numbers: they are stored.
const (
	Dpkg Scheme = 1
	RPM  Scheme = 2
	APK  Scheme = 3
)

// Compare orders two versions: negative when a is older than b, zero when they
// are equal in order, positive when a is newer. It is total and never fails:
// strings that are no versions are ordered too, by the same character rules.
// An unknown scheme is a bug of ours and panics.
func (s Scheme) Compare(a, b string) int {
	switch s {
	case Dpkg:
		return CompareDpkg(a, b)
	case RPM:
		return CompareRPM(a, b)
	case APK:
		return CompareAPK(a, b)
	}
	panic("internal error: unknown version scheme")
}
