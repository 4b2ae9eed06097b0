// Package collect looks at a host and fills an inventory. Each collector is a
// folder of its own, answers one question, and says how it fared.
//
// Collectors read files through an fs.FS, so that a live host, an unpacked root
// and a test's map of files look the same. They run a program only where no
// file answers, only on a live host, and only programs that read.
package collect
