// Package updateinfo reads what dnf and zypper know of an rpm host from the
// repository metadata they keep in their caches: which advisories are issued
// for installed packages, of which type and severity, and when. It also says
// where packages of rpm and apk came from.
//
// Words: a repository is one entry of /etc/yum.repos.d or /etc/zypp/repos.d;
// its repomd.xml lists its metadata files with their digests; updateinfo.xml
// holds its advisories.
//
// What holds: metadata of repositories that are no longer enabled are ignored;
// an enabled repository without metadata, or with metadata that differ from its
// repomd.xml, is reported. Only advisories of type security count as security.
// A module's advisories match within their stream only. Several installed
// versions of one package (kernels) are judged by the newest.
//
// Not modelled: package lists (primary.xml), so that a candidate is the newest
// version an advisory names; dnf's versionlock and excludes, zypper's locks.
package updateinfo
