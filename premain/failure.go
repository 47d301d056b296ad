package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Exit statuses that belong to no step; those of the steps stand in their table, in guest.go.
const (
	statusBug         = 70
	statusInterrupted = 92
	statusUnavailable = 93
)

// failure is an error with what its user needs: what is wrong, and what to do about it.
type failure struct {
	message     string
	hint        string
	unavailable bool          // nobody said no: trying again may help
	after       time.Duration // not before this is over, if it was said
	cause       error
}

func (f *failure) Error() string { return f.message }
func (f *failure) Unwrap() error { return f.cause }

func isUnavailable(err error) bool {
	found, ok := errors.AsType[*failure](err)
	return ok && found.unavailable
}

// wrong says that something was examined and is not as it must be.
func wrong(hint, format string, arguments ...any) error {
	return &failure{message: fmt.Sprintf(format, arguments...), hint: hint}
}

// unavailable says that something outside did not answer.
func unavailable(hint, format string, arguments ...any) error {
	return &failure{message: fmt.Sprintf(format, arguments...), hint: hint, unavailable: true}
}

// origin strips what Go puts around an operating system's error, where the message names the file itself.
func origin(err error) error {
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	return err
}

// quoted makes a literal of foreign text. What others wrote is cut and escaped, so that it stays within its line.
func quoted(text string) string { return "`" + plain(text) + "`" }

// plain keeps foreign text to printable characters of a reasonable number.
func plain(text string) string {
	const limit = 2000
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	escaped := strconv.QuoteToGraphic(text)
	return strings.ReplaceAll(escaped[1:len(escaped)-1], `\"`, `"`)
}
