package hostsvc

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Unit is a service, socket, timer or mount that is not inactive.
type Unit struct {
	ID       string // "nginx.service"
	Active   string // ActiveState as systemd says: "active", "activating", "failed" …
	Sub      string // "running", "exited", "auto-restart" …
	Type     string // of a service: "simple", "oneshot" …; of a mount: its file system
	Result   string // "success", or what failed: "exit-code", "signal" …
	MainPID  int    // 0: there is none
	Restarts int    // by systemd itself, since it was last started by somebody

	Transient bool // made by a program until the next boot at most
	Remains   bool // stays active when its program ends (RemainAfterExit)
	OnDemand  bool // nothing enables it: a socket, timer, path or D-Bus call starts it
}

const unitProperties = "Id,ActiveState,SubState,Type,Result,MainPID,NRestarts,Transient,RemainAfterExit,TriggeredBy,BusName,WantedBy,RequiredBy"

// Active lists the services, sockets, timers and mounts that are active, on
// their way, or failed, sorted by ID.
func (m *Manager) Active(ctx context.Context) ([]Unit, error) {
	blocks, err := m.ctl.show(ctx, unitProperties, "*")
	if err != nil {
		return nil, fmt.Errorf("cannot list units: %w", err)
	}
	var list []Unit
	for _, b := range blocks {
		if b["ActiveState"] == inactive || !slices.Contains([]string{".service", ".socket", ".timer", ".mount"}, path.Ext(b["Id"])) {
			continue
		}
		u, err := unitOf(b)
		if err != nil {
			return nil, fmt.Errorf("cannot list units: %w", err)
		}
		list = append(list, u)
	}
	if len(list) == 0 { // there always is the root file system's mount
		return nil, fmt.Errorf("cannot list units: systemctl show printed none that is active")
	}
	slices.SortFunc(list, func(a, b Unit) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

func unitOf(b map[string]string) (Unit, error) {
	u := Unit{
		ID: b["Id"], Active: b["ActiveState"], Sub: b["SubState"], Type: b["Type"], Result: b["Result"],
		Transient: b["Transient"] == "yes", Remains: b["RemainAfterExit"] == "yes",
		OnDemand: b["WantedBy"]+b["RequiredBy"] == "" && b["TriggeredBy"]+b["BusName"] != "",
	}
	var err error
	if u.MainPID, err = number(b, "MainPID"); err != nil {
		return u, err
	}
	u.Restarts, err = number(b, "NRestarts")
	return u, err
}

// number reads a property that only services have.
func number(b map[string]string, property string) (int, error) {
	if b[property] == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(b[property])
	if err != nil {
		return 0, fmt.Errorf("%s of %s is %q, which is no number", property, b["Id"], b[property])
	}
	return n, nil
}
