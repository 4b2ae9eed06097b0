package courier

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// dropRights makes this process another user's for good. apt starts its methods
// as root and leaves that to them.
func dropRights(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("cannot become user %s of APT::Sandbox::User: %v", name, err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return fmt.Errorf("cannot become user %s: its number is %q", name, u.Uid)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return fmt.Errorf("cannot become user %s: its group's number is %q", name, u.Gid)
	}
	// Groups first: afterwards there is no right to.
	for _, step := range []func() error{
		func() error { return syscall.Setgroups([]int{gid}) },
		func() error { return syscall.Setresgid(gid, gid, gid) },
		func() error { return syscall.Setresuid(uid, uid, uid) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("cannot become user %s: %v", name, err)
		}
	}
	if os.Getuid() != uid || os.Geteuid() != uid || os.Getgid() != gid || os.Getegid() != gid {
		return fmt.Errorf("cannot become user %s: the system says done, and it is not", name)
	}
	return nil
}
