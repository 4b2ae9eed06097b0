// Package stay decides what an unattended host does next: ask the archive,
// download, install, restart, or wait for its maintenance window, and for what.
//
// It is pure: [Policy.Decide] takes what the site wants, the [State] that was
// kept and the [Facts] of this moment, and names one [Action] with its reason.
// Whoever carries it out (internal/secure) notes in the state how it went and
// asks again, until the answer is to sleep until a moment. A turn that dies
// anywhere asks the same question again when it comes back.
//
// What it promises:
//   - Nothing is installed or restarted outside a window, while paused, or after
//     giving up; being on battery or a metered connection waits, if the site says so.
//   - A plan that failed for good is not tried again; another plan is. One that
//     could not be tried (network, lock) is tried again, ever more rarely.
//   - Every wait has a name, a reason and, where it is known, an end.
package stay
