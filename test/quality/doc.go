// Package quality measures how well Lockfast matches: labelled cases, each a
// host's packages with real or realistic advisory records and the answer a
// careful person would give. Precision and recall are recorded in recorded.json
// and may not fall.
//
// A case is a txtar file: `host` (release and packages, one a line), records
// in OSV under osv/, and `labels`: one line for each (source package, id):
//
//	open|restart|no-fix|unknown|none  SOURCE  ID
//
// "none" says that reporting it would be a false alarm. Everything reported
// that has no label counts as a false alarm too.
package quality
