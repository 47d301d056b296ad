package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// encodeCanonical gives the one canonical form (RFC 8785) of an object.
func encodeCanonical(value object) []byte {
	return appendValue(nil, value)
}

// decodeCanonical reads one JSON object that is in canonical form and refuses everything else: since the bytes must
// equal their own re-encoding, no message has two spellings.
func decodeCanonical(raw []byte) (object, error) {
	text := string(raw)
	value, err := scanAll(text)
	if err != nil {
		return nil, err
	}
	members, ok := value.(object)
	if !ok {
		return nil, errors.New("it is not a JSON object")
	}
	if string(encodeCanonical(members)) != text {
		return nil, errors.New("it is not in canonical form")
	}
	return members, nil
}

func appendValue(out []byte, value any) []byte {
	switch value := value.(type) {
	case object:
		names := make([]string, 0, len(value))
		for name := range value {
			names = append(names, name)
		}
		slices.SortFunc(names, compareUTF16)
		out = append(out, '{')
		for i, name := range names {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendString(out, name), ':')
			out = appendValue(out, value[name])
		}
		return append(out, '}')
	case []any:
		out = append(out, '[')
		for i, item := range value {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendValue(out, item)
		}
		return append(out, ']')
	case string:
		return appendString(out, value)
	case int64:
		return strconv.AppendInt(out, value, 10)
	case bool:
		return strconv.AppendBool(out, value)
	}
	panic(fmt.Sprintf("no canonical form for %T", value))
}

// compareUTF16 orders member names as RFC 8785, section 3.2.3 wants: by UTF-16 code units.
func compareUTF16(a, b string) int {
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func appendString(out []byte, value string) []byte {
	const short = "\b\t\n\f\r\"\\"
	out = append(out, '"')
	for i := range len(value) {
		c := value[i]
		if which := strings.IndexByte(short, c); which >= 0 {
			out = append(out, '\\', `btnfr"\`[which])
		} else if c < ' ' {
			out = fmt.Appendf(out, `\u%04x`, c)
		} else {
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// members takes typed members out of an object. The first fault stays; done reports it, or a member nobody took.
type members struct {
	left object
	err  error
}

func decodeMembers(raw []byte) *members {
	decoded, err := decodeCanonical(raw)
	return &members{decoded, err}
}

func takeMember[T any](m *members, name, kind string) T {
	value, ok := m.left[name].(T)
	if !ok {
		m.fail(fmt.Errorf("%s is not there, or is no %s", quoted(name), kind))
	}
	delete(m.left, name)
	return value
}

func (m *members) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *members) text(name string) string   { return takeMember[string](m, name, "string") }
func (m *members) integer(name string) int64 { return takeMember[int64](m, name, "integer") }
func (m *members) array(name string) []any   { return takeMember[[]any](m, name, "array") }

// object takes a nested object, whose faults are reported by its own done.
func (m *members) object(name string) *members {
	return &members{takeMember[object](m, name, "object"), m.err}
}

// octets takes bytes, written in padded base64 in its one spelling.
func (m *members) octets(name string) []byte {
	value, err := decodeOctets(m.text(name))
	if err != nil {
		m.fail(fmt.Errorf("%s %w", quoted(name), err))
	}
	return value
}

func (m *members) version(known int64) {
	if m.integer("version") != known {
		m.fail(fmt.Errorf("its version is not %d", known))
	}
}

func (m *members) done() error {
	if len(m.left) > 0 {
		name := slices.Min(slices.Collect(maps.Keys(m.left)))
		m.fail(fmt.Errorf("it has a member %s that this version does not know", quoted(name)))
	}
	return m.err
}

func encodeOctets(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

// decodeOctets reads only what encodeOctets writes; Go's own decoder would skip line ends.
func decodeOctets(text string) ([]byte, error) {
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil || encodeOctets(value) != text {
		return nil, errors.New("is not base64 in its one spelling")
	}
	return value, nil
}
