// Package notice decides what an unattended host tells people, and when it
// stays quiet.
//
// Whoever looked at the host hands over everything that stands ([Item]). [Due]
// compares it with what people were told already ([Memory]) and makes one
// [Message], or none. What cannot wait goes out at once, the rest in one digest
// a day or a week ([Schedule]); a digest with nothing in it is not sent, and a
// problem that is over is told once.
//
// What it promises:
//   - Nothing is told twice within RepeatAfter unless it changed.
//   - Nothing is lost: the memory only counts as told what [Memory.Delivered] was
//     called for, so a message that did not arrive is made again. A site with two
//     sinks keeps one memory for each, or one that fails hides behind the other.
//   - What others wrote (titles, error texts, package names) cannot forge a line, a
//     header or a terminal command.
//
// It is pure: time is a parameter, and [Sink] only names where messages go;
// internal/notify takes them there.
package notice
