package main

import (
	"strings"
	"testing"
)

func TestCanonicalTextsAreAcceptedAndOthersRefused(t *testing.T) {
	vectors := vector[texts](t, "canonical.json")
	for _, entry := range vectors.Accepted {
		value, err := decodeCanonical([]byte(entry.Text))
		if err != nil || string(encodeCanonical(value)) != entry.Text {
			t.Errorf("%s: %v", entry.Name, err)
		}
	}
	for _, entry := range vectors.Refused {
		if _, err := decodeCanonical([]byte(entry.Text)); err == nil {
			t.Errorf("%s is accepted", entry.Name)
		}
	}
}

func TestWhatThisFormatLeavesOutIsRefused(t *testing.T) {
	for _, text := range []string{`{"a":null}`, `{"a":1.5}`, `{"a":1e+21}`, "{\"a\":\"\xff\"}", "{\"\xed\xa0\x80\":1}"} {
		if _, err := decodeCanonical([]byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	deep := `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}"
	if _, err := decodeCanonical([]byte(deep)); err == nil {
		t.Error("depth is no limit")
	}
}

func TestMembersAreTakenByTypeAndNoneIsLeft(t *testing.T) {
	for text, fault := range map[string]bool{
		`{"b":"AA==","i":1,"t":"x"}`:            false,
		`{"b":"AA==","i":true,"t":"x"}`:         true,
		`{"b":"AA==","i":"1","t":"x"}`:          true,
		`{"b":"AA==","i":1}`:                    true,
		`{"b":"AA==","i":1,"t":"x","u":"more"}`: true,
		`{"b":"AB==","i":1,"t":"x"}`:            true,
		`{"b":"AA=","i":1,"t":"x"}`:             true,
		`{"b":"A\nA==","i":1,"t":"x"}`:          true,
		`[]`:                                    true,
	} {
		m := decodeMembers([]byte(text))
		m.octets("b")
		m.integer("i")
		m.text("t")
		if err := m.done(); (err != nil) != fault {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzCanonicalJSONHasOneSpelling(f *testing.F) {
	for _, entry := range vector[texts](f, "canonical.json").Accepted {
		f.Add([]byte(entry.Text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		value, err := decodeCanonical(raw)
		if err == nil && string(encodeCanonical(value)) != string(raw) {
			t.Errorf("%q has another spelling", raw)
		}
	})
}
