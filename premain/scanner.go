package main

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Limits of every text that premain reads. Integers are those that every JSON implementation keeps exactly.
const (
	maxDepth   = 16
	maxInteger = 1<<53 - 1
)

// object is a JSON object; its values are object, []any, string, int64 and bool.
type object = map[string]any

// scanner reads JSON values (RFC 8259) without null, fractions and exponents. It refuses duplicate members,
// invalid UTF-8, and the two spellings of a character that TOML does not share: `\/` and surrogates.
type scanner struct {
	text  string
	at    int
	depth int
}

// scanAll reads one value that is the whole text, but for blanks around it.
func scanAll(text string) (any, error) {
	s := &scanner{text: text}
	value, err := s.value()
	if err != nil {
		return nil, err
	}
	s.blanks()
	if s.at != len(s.text) {
		return nil, fmt.Errorf("something follows the value at byte %d", s.at)
	}
	return value, nil
}

func (s *scanner) value() (any, error) {
	s.blanks()
	switch c := s.peek(); {
	case c == '{':
		return nested(s, s.object)
	case c == '[':
		return nested(s, s.array)
	case c == '"':
		return s.str()
	case c == '-' || '0' <= c && c <= '9':
		return s.integer()
	case s.take("true"):
		return true, nil
	case s.take("false"):
		return false, nil
	}
	return nil, fmt.Errorf("no string, integer, boolean, array or object at byte %d", s.at)
}

func nested[T any](s *scanner, read func() (T, error)) (any, error) {
	if s.depth == maxDepth {
		return nil, errors.New("values are nested too deeply")
	}
	s.depth++
	value, err := read()
	s.depth--
	return value, err
}

func (s *scanner) object() (object, error) {
	members := object{}
	err := s.list('{', '}', func() error {
		s.blanks()
		name, err := s.str()
		if err != nil {
			return err
		}
		if _, twice := members[name]; twice {
			return fmt.Errorf("member %s is there twice", quoted(name))
		}
		s.blanks()
		if !s.take(":") {
			return fmt.Errorf("no colon at byte %d", s.at)
		}
		members[name], err = s.value()
		return err
	})
	return members, err
}

func (s *scanner) array() ([]any, error) {
	items := []any{}
	err := s.list('[', ']', func() error {
		item, err := s.value()
		items = append(items, item)
		return err
	})
	return items, err
}

// list reads items between brackets, with a comma between two of them and none at the end.
func (s *scanner) list(open, closing byte, item func() error) error {
	s.take(string(open))
	s.blanks()
	if s.take(string(closing)) {
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		s.blanks()
		if s.take(string(closing)) {
			return nil
		}
		if !s.take(",") {
			return fmt.Errorf("no comma or `%c` at byte %d", closing, s.at)
		}
	}
}

func (s *scanner) integer() (int64, error) {
	start := s.at
	s.take("-")
	digits := s.at
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.at++
	}
	written := s.text[digits:s.at]
	if written == "" || len(written) > 1 && written[0] == '0' {
		return 0, fmt.Errorf("no integer at byte %d", start)
	}
	value, err := strconv.ParseInt(s.text[start:s.at], 10, 64)
	if err != nil || value > maxInteger || value < -maxInteger {
		return 0, fmt.Errorf("the integer at byte %d is out of range", start)
	}
	return value, nil
}

func (s *scanner) str() (string, error) {
	start := s.at
	if !s.take(`"`) {
		return "", fmt.Errorf("no string at byte %d", start)
	}
	var value []byte
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == '"':
			s.at++
			if !utf8.Valid(value) {
				return "", fmt.Errorf("the string at byte %d is not UTF-8", start)
			}
			return string(value), nil
		case c < ' ':
			return "", fmt.Errorf("the string at byte %d holds a control character", start)
		case c == '\\':
			char, err := s.escape()
			if err != nil {
				return "", err
			}
			value = utf8.AppendRune(value, char)
		default:
			value = append(value, c)
			s.at++
		}
	}
	return "", fmt.Errorf("the string at byte %d does not end", start)
}

var escapes = map[byte]rune{'"': '"', '\\': '\\', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (s *scanner) escape() (rune, error) {
	start := s.at
	if start+1 < len(s.text) {
		if char, ok := escapes[s.text[start+1]]; ok {
			s.at += 2
			return char, nil
		}
		if s.text[start+1] == 'u' && start+6 <= len(s.text) {
			code, err := strconv.ParseUint(s.text[start+2:start+6], 16, 16)
			if err == nil && utf8.ValidRune(rune(code)) {
				s.at += 6
				return rune(code), nil
			}
		}
	}
	return 0, fmt.Errorf("the escape at byte %d is not one of this format", start)
}

func (s *scanner) blanks() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.at++
	}
}

// peek gives the next byte, or 0 at the end: no value, name or sign begins with one.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) take(word string) bool {
	if len(s.text)-s.at >= len(word) && s.text[s.at:s.at+len(word)] == word {
		s.at += len(word)
		return true
	}
	return false
}
