package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/lockfast/lockfast/internal/config"
	"github.com/lockfast/lockfast/internal/courier"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostsvc"
	"github.com/lockfast/lockfast/internal/notice"
	"github.com/lockfast/lockfast/internal/notify"
	"github.com/lockfast/lockfast/internal/stay"
)

// Notices say who is told, when, and how.
type Notices struct {
	Sinks    []notice.Sink
	Schedule notice.Schedule
	Settings notify.Settings
}

// NoticesOf makes notices of what was configured.
func NoticesOf(c config.Notify, local *time.Location) (Notices, error) {
	n := Notices{Settings: notify.Settings{
		Mail:              notify.Mail{Server: c.Mail.Server, From: c.Mail.From, User: c.Mail.User, PasswordFile: c.Mail.PasswordFile, TLS: c.Mail.TLS},
		WebhookSecretFile: c.Webhook.SecretFile,
	}}
	for _, text := range c.To {
		sink, err := notice.ParseSink(text)
		if err != nil {
			return n, fmt.Errorf("notify.to: %w", err)
		}
		n.Sinks = append(n.Sinks, sink)
	}
	var err error
	if n.Schedule, err = notice.ParseSchedule(c.Digest, c.At, c.On); err != nil {
		return n, fmt.Errorf("notify: %w", err)
	}
	n.Schedule.Location, n.Schedule.Quiet, n.Schedule.RepeatAfter = local, c.Quiet, time.Duration(c.RepeatAfter)
	n.Schedule.Host, _ = os.Hostname() // only for people
	return n, nil
}

// memories are what each sink was told, by the sink: one that fails must not
// hide behind another.
type memories struct {
	Schema string                     `json:"schema"`
	Sinks  map[string]json.RawMessage `json:"sinks"`
}

const memoriesSchema = "lockfast.told/1"

// tell tells people what is due. What does not reach them is told again with the
// next turn.
func (t *turn) tell(ctx context.Context) {
	status := t.o.status(&t.s, t.seen, t.facts(ctx))
	items := t.items(status)
	all, err := t.o.loadMemories()
	if err != nil {
		t.o.Fix.Events.Note(oneLine(err))
	}
	for _, sink := range t.o.Notices.Sinks {
		if err := t.tellOne(ctx, sink, items, status, &all); err != nil {
			t.untold = append(t.untold, oneLine(err))
			t.o.Fix.Events.Note(oneLine(err))
		}
	}
	if err := write(t.o.file(noticesFile), 0o600, all); err != nil {
		t.o.Fix.Events.Note("cannot remember what was told: " + oneLine(err))
	}
	t.digest = len(items) > 0
}

func (t *turn) tellOne(ctx context.Context, sink notice.Sink, items []notice.Item, status *stay.Status, all *memories) error {
	n := t.o.Notices
	env := notify.Env{Run: hostexec.System{}, From: n.Settings.Mail.From}
	if t.o.Fix.Sandboxed {
		env.Run = hostsvc.Outside(env.Run)
	}
	if sink.Kind == notice.Motd || sink.Kind == notice.Prometheus { // they show what is, not what is new
		env.Metrics = metrics(status)
		_, err := notify.Local(ctx, sink, notice.Standing(items, n.Schedule, t.now()), env)
		return err
	}
	var memory notice.Memory
	if data, ok := all.Sinks[sink.String()]; ok {
		var err error
		if memory, err = notice.ParseMemory(data); err != nil {
			return err
		}
	}
	msg, memory := notice.Due(items, memory, n.Schedule, t.now())
	var failed error
	if msg != nil {
		if failed = t.send(ctx, sink, msg, env); failed == nil {
			memory = memory.Delivered(msg, t.now())
		}
	}
	data, err := memory.Marshal()
	if err != nil {
		return err
	}
	all.Sinks[sink.String()] = data
	return failed
}

// send hands over one message: what leaves this host goes through the courier.
func (t *turn) send(ctx context.Context, sink notice.Sink, msg *notice.Message, env notify.Env) error {
	if !notify.IsRemote(sink, t.o.Notices.Settings) {
		_, err := notify.Local(ctx, sink, msg, env)
		return err
	}
	order, err := notify.Prepare(sink, msg, t.o.Notices.Settings)
	if err != nil {
		return err
	}
	if !t.o.asksCourier() {
		return notify.Deliver(ctx, order)
	}
	body, err := order.Marshal()
	if err != nil {
		return err
	}
	client := courier.Client{Socket: Socket}
	return client.Deliver(ctx, sink.Name(), body)
}

func (o Options) loadMemories() (memories, error) {
	fresh := memories{Schema: memoriesSchema, Sinks: map[string]json.RawMessage{}}
	data, err := read(o.file(noticesFile))
	if err != nil || data == nil {
		return fresh, err
	}
	var m memories
	if err := json.Unmarshal(data, &m); err != nil || m.Schema != memoriesSchema || m.Sinks == nil {
		return fresh, fmt.Errorf("cannot read %s: it is not of the format %s; what stands is told again", o.file(noticesFile), memoriesSchema)
	}
	return m, nil
}
