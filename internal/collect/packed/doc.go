// Package packed reads files the way package managers leave them on disk:
// plain, or compressed with gzip, xz, zstd, lz4 or bzip2, told by the ending of
// the name. It decompresses as it reads, so that a list of 50 MB never lies in
// memory as a whole.
package packed
