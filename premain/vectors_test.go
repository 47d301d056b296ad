package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// vector reads one of the files that the Python tests read too (tests/vectors/protocol).
func vector[T any](t testing.TB, name string) T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "tests", "vectors", "protocol", name))
	if err != nil {
		t.Fatal(err)
	}
	var value T
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

type texts struct {
	Accepted []struct {
		Name, Text string
		Value      any
	}
	Refused []struct{ Name, Text string }
}

func unhex(t testing.TB, digits string) []byte {
	t.Helper()
	value, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func unbase64(t testing.TB, text string) []byte {
	t.Helper()
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
