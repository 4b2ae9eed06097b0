package change

// Merge is tested by its own laws.
var MergeLines = merge
