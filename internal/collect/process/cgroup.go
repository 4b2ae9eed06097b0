package process

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Group is what a process's control groups say of it.
type Group struct {
	// Unit is the systemd unit: "nginx.service", "session-3.scope". A unit of a
	// user's own manager has that manager before it:
	// "user@1000.service/podman.service". Empty when there is none.
	Unit string
	// Container is true when the group is one that a container engine makes.
	Container bool
}

// ParseCgroup reads /proc/PID/cgroup: lines "hierarchy:controllers:path". The
// hierarchy that systemd names itself counts (version 1: "name=systemd";
// version 2: no controllers); where both exist, the one with a unit. name is
// used in errors.
func ParseCgroup(data []byte, name string) (Group, error) {
	var g Group
	for number := 1; len(data) > 0; number++ {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte{'\n'})
		hierarchy, rest, ok1 := strings.Cut(string(line), ":")
		controllers, path, ok2 := strings.Cut(rest, ":")
		if _, err := strconv.Atoi(hierarchy); err != nil || !ok1 || !ok2 || !strings.HasPrefix(path, "/") {
			return Group{}, fmt.Errorf("%s:%d: %.80q is no control group", name, number, line)
		}
		g.Container = g.Container || containerPath(path)
		if controllers == "name=systemd" || controllers == "" && g.Unit == "" {
			if unit := unitOf(path); unit != "" {
				g.Unit = unit
			}
		}
	}
	return g, nil
}

// unitOf finds the innermost unit in a group's path: a unit may have groups of
// its own below it.
func unitOf(path string) string {
	parts := strings.Split(strings.TrimSuffix(path, " (deleted)"), "/")
	unit, manager := "", ""
	for _, part := range parts {
		// systemd puts "_" before names that could be taken for the kernel's.
		part = strings.TrimPrefix(part, "_")
		if !strings.HasSuffix(part, ".service") && !strings.HasSuffix(part, ".scope") && !strings.HasSuffix(part, ".socket") &&
			!strings.HasSuffix(part, ".mount") && !strings.HasSuffix(part, ".swap") {
			continue
		}
		unit = part
		if strings.HasPrefix(part, "user@") {
			manager = part
		}
	}
	if manager != "" && unit != manager && unit != "init.scope" {
		return manager + "/" + unit
	}
	if manager != "" {
		return manager
	}
	return unit
}

// containerPath knows the groups of Docker, containerd, CRI-O, Podman, LXC,
// Kubernetes and systemd-nspawn. The engines' helpers (conmon) are the host's.
func containerPath(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "docker", "lxc", "garden", "payload":
			return true
		}
		if strings.HasPrefix(part, "kubepods") || strings.HasPrefix(part, "lxc.payload") {
			return true
		}
		if !strings.HasSuffix(part, ".scope") || strings.Contains(part, "-conmon-") {
			continue
		}
		for _, engine := range [...]string{"docker-", "libpod-", "cri-containerd-", "crio-"} {
			if strings.HasPrefix(part, engine) {
				return true
			}
		}
	}
	return false
}
