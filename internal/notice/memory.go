package notice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// MemorySchema names the format of a [Memory].
const MemorySchema = "lockfast.notices/1"

// Limits of a memory. A host on which more stands has one problem, not thousands.
const (
	maxMemory = 16 << 20 // bytes
	maxTold   = 5000
)

// Memory is what people were told. The zero value is a new one. It is a value:
// no method changes it.
type Memory struct {
	Schema string    `json:"schema"`
	Began  time.Time `json:"began"` // the first call of Due
	Told   []Told    `json:"told"`  // by key
	Digest Digest    `json:"digest"`
}

// Told is a matter that people were told of.
type Told struct {
	Key    string    `json:"key"`
	Kind   Kind      `json:"kind"`
	Title  string    `json:"title"`
	Print  string    `json:"print"` // changes with the item
	Urgent bool      `json:"urgent"`
	Since  time.Time `json:"since,omitzero"`
	At     time.Time `json:"at"`            // when it was last told
	Over   time.Time `json:"over,omitzero"` // since when it does not stand any more, which was not told yet
}

// Digest is the last one.
type Digest struct {
	Looked time.Time `json:"looked"`        // the one of this moment was sent, or there was nothing in it
	Sent   time.Time `json:"sent,omitzero"` // the last that was sent
	Keys   []string  `json:"keys"`          // what was in it
}

// ParseMemory reads a memory. One that a newer program wrote is refused: to
// guess what it means could tell everything again, or nothing any more.
func ParseMemory(data []byte) (Memory, error) {
	if len(data) > maxMemory {
		return Memory{}, fmt.Errorf("cannot read memory of notices: it is larger than %d bytes; remove the file, and what stands is told again", maxMemory)
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Memory{}, damaged(err)
	}
	if head.Schema != MemorySchema {
		return Memory{}, fmt.Errorf("cannot read memory of notices: its schema is %q, this program reads %q; use the version of lockfast that wrote it, or remove the file, and what stands is told again",
			cut(head.Schema, 40), MemorySchema)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var m Memory
	if err := decoder.Decode(&m); err != nil {
		return Memory{}, damaged(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Memory{}, damaged(errors.New("something follows its end"))
	}
	if err := m.check(); err != nil {
		return Memory{}, damaged(err)
	}
	return m, nil
}

func damaged(err error) error {
	return fmt.Errorf("cannot read memory of notices: %s; remove the file, and what stands is told again", cut(err.Error(), 200))
}

// check finds what this program would not have written.
func (m Memory) check() error {
	if len(m.Told) > maxTold {
		return fmt.Errorf("more than %d matters", maxTold)
	}
	times := []time.Time{m.Began, m.Digest.Looked, m.Digest.Sent}
	for i, t := range m.Told {
		times = append(times, t.Since, t.At, t.Over)
		switch {
		case t.Key == "" || t.Key != shortKey(t.Key):
			return fmt.Errorf("matter %d: %q is no key", i+1, cut(t.Key, 80))
		case i > 0 && m.Told[i-1].Key >= t.Key:
			return fmt.Errorf("matter %d: %q is out of order", i+1, cut(t.Key, 80))
		}
	}
	for _, t := range times {
		if y := t.UTC().Year(); !t.IsZero() && (y < 1970 || y > 9998) {
			return fmt.Errorf("the year %d", y)
		}
	}
	return nil
}

// Marshal writes a memory, ready for ParseMemory.
func (m Memory) Marshal() ([]byte, error) {
	m.Schema = MemorySchema
	if m.Told == nil {
		m.Told = []Told{}
	}
	if m.Digest.Keys == nil {
		m.Digest.Keys = []string{}
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("cannot write memory of notices: %w", err)
	}
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("cannot write memory of notices: %w", err)
	}
	return append(data, '\n'), nil
}

// find returns what is remembered of a key, or nil.
func (m Memory) find(key string) *Told {
	if i, ok := slices.BinarySearchFunc(m.Told, key, byKey); ok {
		return &m.Told[i]
	}
	return nil
}

func byKey(t Told, key string) int { return strings.Compare(t.Key, key) }

// Delivered returns the memory after a message has reached people; m is what
// [Due] returned with it.
func (m Memory) Delivered(msg *Message, now time.Time) Memory {
	if msg == nil {
		return m
	}
	m.Told = slices.Clone(m.Told)
	var keys []string
	for _, item := range msg.Items {
		t := Told{Key: item.Key, Kind: item.Kind, Title: item.Title, Print: item.print(), Urgent: item.urgent(), Since: item.Since, At: now.UTC()}
		keys = append(keys, item.Key)
		i, known := slices.BinarySearchFunc(m.Told, item.Key, byKey)
		if known {
			m.Told[i] = t
			continue
		}
		m.Told = slices.Insert(m.Told, i, t)
	}
	for _, item := range msg.Recovered {
		i, known := slices.BinarySearchFunc(m.Told, item.Key, byKey)
		if known && !m.Told[i].Over.IsZero() {
			m.Told = slices.Delete(m.Told, i, i+1)
		}
	}
	if msg.Digest {
		m.Digest = Digest{Looked: msg.At.UTC(), Sent: now.UTC(), Keys: keys}
	}
	return m
}
