// Package hostsvc looks at and changes the services of the running host, and
// starts programs that outlive us. It talks to systemd through systemctl and
// systemd-run, whose machine-readable output is the same from version 247 on.
package hostsvc
