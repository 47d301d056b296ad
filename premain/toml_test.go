package main

import (
	"encoding/json"
	"reflect"
	"testing"
)

// plainTOML gives a table the form that encoding/json gives an object.
func plainTOML(value any) any {
	switch value := value.(type) {
	case *table:
		members := map[string]any{}
		for name, member := range value.values {
			members[name] = plainTOML(member)
		}
		return members
	case []*table:
		items := []any{}
		for _, item := range value {
			items = append(items, plainTOML(item))
		}
		return items
	case []any:
		items := []any{}
		for _, item := range value {
			items = append(items, plainTOML(item))
		}
		return items
	case int64:
		return float64(value)
	}
	return value
}

func TestTOMLIsReadAsEveryReaderReadsIt(t *testing.T) {
	vectors := vector[texts](t, "toml.json")
	for _, entry := range vectors.Accepted {
		parsed, err := parseTOML(entry.Text)
		if err != nil {
			t.Errorf("%s: %v", entry.Name, err)
		} else if found := plainTOML(parsed); !reflect.DeepEqual(found, entry.Value) {
			written, _ := json.Marshal(found)
			t.Errorf("%s: %s", entry.Name, written)
		}
	}
	for _, entry := range vectors.Refused {
		if _, err := parseTOML(entry.Text); err == nil {
			t.Errorf("%s is accepted", entry.Name)
		}
	}
}

func FuzzTOMLNeverPanics(f *testing.F) {
	vectors := vector[texts](f, "toml.json")
	for _, entry := range vectors.Accepted {
		f.Add(entry.Text)
	}
	for _, entry := range vectors.Refused {
		f.Add(entry.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if parsed, err := parseTOML(text); err == nil && parsed == nil {
			t.Error("no table and no error")
		}
	})
}
