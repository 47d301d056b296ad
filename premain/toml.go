package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// table is a TOML table. Its values are string, int64, bool and []any of these, *table, or []*table.
type table struct {
	values map[string]any
	headed bool // a header of its own named it already
}

func newTable() *table { return &table{values: map[string]any{}} }

// parseTOML reads the part of TOML that docs/reference/image.md describes: each line is empty, a comment, a header with
// bare dotted keys, or a bare key with a JSON value. Whatever it accepts, every TOML reader reads in the same way.
func parseTOML(text string) (*table, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("it is not UTF-8")
	}
	root := newTable()
	current := root
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		var err error
		switch trimmed := strings.Trim(line, " \t"); {
		case strings.ContainsFunc(line, forbiddenInTOML):
			err = fmt.Errorf("it holds a control character")
		case trimmed == "" || trimmed[0] == '#':
		case trimmed[0] == '[':
			current, err = root.header(trimmed)
		default:
			err = current.assign(trimmed)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return root, nil
}

func forbiddenInTOML(char rune) bool { return char < ' ' && char != '\t' || char == 0x7f }

// header finds or makes the table that `[a.b]` or `[[a.b]]` opens.
func (t *table) header(line string) (*table, error) {
	inner, isArray := strings.CutPrefix(line, "[[")
	closing := "]]"
	if !isArray {
		inner, closing = line[1:], "]"
	}
	dotted, closed := strings.CutSuffix(inner, closing)
	keys := strings.Split(dotted, ".")
	if !closed || slices.ContainsFunc(keys, notBare) {
		return nil, fmt.Errorf("the header is not made of bare keys")
	}
	for _, key := range keys[:len(keys)-1] {
		next, err := t.descend(key)
		if err != nil {
			return nil, err
		}
		t = next
	}
	if isArray {
		return t.appendTable(keys[len(keys)-1])
	}
	opened, err := t.descend(keys[len(keys)-1])
	if err != nil {
		return nil, err
	}
	if opened.headed {
		return nil, fmt.Errorf("table %s is there twice", quoted(dotted))
	}
	opened.headed = true
	return opened, nil
}

// descend goes into the table at key, which it makes if nothing is there, or into the last one of an array of tables.
func (t *table) descend(key string) (*table, error) {
	switch value := t.values[key].(type) {
	case nil:
		child := newTable()
		t.values[key] = child
		return child, nil
	case *table:
		return value, nil
	case []*table:
		return value[len(value)-1], nil
	}
	return nil, fmt.Errorf("%s is a value and no table", quoted(key))
}

func (t *table) appendTable(key string) (*table, error) {
	tables, ok := t.values[key].([]*table)
	if !ok && t.values[key] != nil {
		return nil, fmt.Errorf("%s is no array of tables", quoted(key))
	}
	child := newTable()
	child.headed = true
	t.values[key] = append(tables, child)
	return child, nil
}

// assign reads `key = value` into the table.
func (t *table) assign(line string) error {
	key, written, found := strings.Cut(line, "=")
	key = strings.TrimRight(key, " \t")
	if !found || notBare(key) {
		return fmt.Errorf("the line is no header and no bare key with a value")
	}
	if _, twice := t.values[key]; twice {
		return fmt.Errorf("%s is there twice", quoted(key))
	}
	value, err := scanAll(written)
	if err != nil {
		return fmt.Errorf("%s: %w", quoted(key), err)
	}
	if holdsObject(value) {
		return fmt.Errorf("%s: an object is no value of this format", quoted(key))
	}
	t.values[key] = value
	return nil
}

func holdsObject(value any) bool {
	switch value := value.(type) {
	case object:
		return true
	case []any:
		return slices.ContainsFunc(value, holdsObject)
	}
	return false
}

func notBare(key string) bool {
	return key == "" || strings.ContainsFunc(key, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-')
	})
}
