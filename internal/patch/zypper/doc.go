// Package zypper asks zypper and rpm: SUSE's and openSUSE's hosts.
//
// What zypper says comes from its XML output, what is installed from rpm's
// database. Two things zypper does not print, and they are read from the
// metadata that it verified and keeps: the digest of each package file
// (primary.xml) and which versions a patch ships (updateinfo.xml). Both are
// checked against repomd.xml before anything is believed.
//
// An order is installed by zypper from files given by name, with no repository
// at all: it solves with exactly these files, checks the signature of each
// before the first change, knows that several kernels stay side by side, keeps
// its own history and locks, and removes in the same run. `rpm -U` would take
// the running kernel away and cannot remove.
package zypper
