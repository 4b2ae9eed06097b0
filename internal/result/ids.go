package result

import "strings"

// IsCVE reports whether an id is a CVE's, rather than an advisory's.
func IsCVE(id string) bool { return strings.HasPrefix(id, "CVE-") }
