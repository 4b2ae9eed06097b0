# Shared by the scripts beside this file. Source it.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 2; }

# can_root says whether as_root can work: as root, or by a sudo that asks nothing.
can_root() {
	[ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

# as_root COMMAND… runs a command as root.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

need_go() {
	command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
	command -v go >/dev/null || die "Go is not installed; see https://go.dev/dl"
	export GOTOOLCHAIN=${GOTOOLCHAIN:-local} GOFLAGS=${GOFLAGS:--buildvcs=false}
	export HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
}

# flags for go build: version and commit.
ldflags() {
	local commit
	commit=$(git rev-parse HEAD 2>/dev/null || true)
	printf '%s' "-s -w -X main.commit=$commit"
}

# build GOOS GOARCH FILE: one static binary.
build() {
	CGO_ENABLED=0 GOOS=$1 GOARCH=$2 go build -trimpath -ldflags "$(ldflags)" -o "$3" ./cmd/lockfast
}

# tool NAME MODULE VERSION: builds a tool once, unless that version is there.
tool() {
	local tools=${XDG_CACHE_HOME:-$HOME/.cache}/lockfast-tools
	local file=$tools/$1-$3
	if [ ! -x "$file" ]; then
		say "building $1 $3 (once)"
		mkdir -p "$tools"
		GOBIN=$tools/new go install "$2@$3"
		mv "$tools/new/$1" "$file"
	fi
	printf '%s' "$file"
}
