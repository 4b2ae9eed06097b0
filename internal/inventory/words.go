package inventory

// The words that every report uses for stored numbers.

// String returns "succeeded", "partial", "failed" or "not applicable".
func (o Outcome) String() string {
	switch o {
	case Succeeded:
		return "succeeded"
	case Partial:
		return "partial"
	case Failed:
		return "failed"
	case NotApplicable:
	}
	return "not applicable"
}

// String returns "open", "filtered" or "unknown".
func (f Filter) String() string {
	switch f {
	case FilterOpen:
		return "open"
	case FilterFiltered:
		return "filtered"
	case FilterUnknown:
	}
	return "unknown"
}

// String returns "loopback", "local", "any" or "unknown".
func (s Scope) String() string {
	switch s {
	case ScopeLoopback:
		return "loopback"
	case ScopeLocal:
		return "local"
	case ScopeAny:
		return "any"
	case ScopeUnknown:
	}
	return "unknown"
}

// String returns "distribution", "backports", "vendor", "local" or "unknown".
func (k OriginKind) String() string {
	switch k {
	case OriginDistribution:
		return "distribution"
	case OriginBackports:
		return "backports"
	case OriginVendor:
		return "vendor"
	case OriginLocal:
		return "local"
	case OriginUnknown:
	}
	return "unknown"
}
