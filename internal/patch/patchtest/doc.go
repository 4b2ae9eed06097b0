// Package patchtest is the suite that every backend of package patch passes. A
// backend's test fills a [World], which makes hosts with real package managers
// and the packages of this suite, and calls [Run].
package patchtest
