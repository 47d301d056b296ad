package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// manifest is what premain needs of the measured manifest; everything else in it is the library OS's business.
type manifest struct {
	argv         []string
	env          map[string]string // measured
	passthrough  map[string]bool   // taken from outside, if they are there
	startDir     string
	uid, gid     int
	tmpfs        []string // mount points of memory
	encrypted    []string // mount points whose files only an enclave can read
	trustedFiles []trustedFile
}

type trustedFile struct {
	path   string
	sha256 [32]byte
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func parseManifest(text string) (*manifest, error) {
	root, err := parseTOML(text)
	if err != nil {
		return nil, err
	}
	m := &manifest{env: map[string]string{}, passthrough: map[string]bool{}}
	for _, read := range []func(*table) error{m.readLoader, m.readEnv, m.readFS, m.readTrustedFiles} {
		if err := read(root); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *manifest) readLoader(root *table) error {
	items, err := lookup[[]any](root, "loader", "argv")
	if err != nil {
		return err
	}
	for _, item := range items {
		argument, ok := item.(string)
		if !ok || strings.ContainsRune(argument, 0) {
			return errors.New("`loader.argv` holds something that can be no argument")
		}
		m.argv = append(m.argv, argument)
	}
	if m.uid, err = userNumber(root, "uid"); err != nil {
		return err
	}
	m.gid, err = userNumber(root, "gid")
	return err
}

func userNumber(root *table, key string) (int, error) {
	number, err := lookupOr(root, int64(0), "loader", key)
	if err == nil && (number < 0 || number >= 1<<32-1) {
		err = fmt.Errorf("`loader.%s` is out of range", key)
	}
	return int(number), err
}

func (m *manifest) readEnv(root *table) error {
	env, err := lookup[*table](root, "loader", "env")
	if err != nil {
		return err
	}
	for name, value := range env.values {
		if !variableName.MatchString(name) {
			return fmt.Errorf("`loader.env` names %s, which can be no variable", quoted(name))
		}
		switch value := value.(type) {
		case string:
			if strings.ContainsRune(value, 0) {
				return fmt.Errorf("`loader.env.%s` holds a NUL", name)
			}
			m.env[name] = value
		case *table:
			allowed, ok := value.values["passthrough"].(bool)
			if !ok || len(value.values) != 1 {
				return fmt.Errorf("`loader.env.%s` is no string and no `passthrough`", name)
			}
			if allowed {
				m.passthrough[name] = true
			}
		default:
			return fmt.Errorf("`loader.env.%s` is no string and no `passthrough`", name)
		}
	}
	return nil
}

// readFS reads where the program starts and what is mounted.
func (m *manifest) readFS(root *table) error {
	var err error
	if m.startDir, err = lookupOr(root, "/", "fs", "start_dir"); err != nil {
		return err
	}
	if !cleanPath(m.startDir) {
		return fmt.Errorf("`fs.start_dir` %s is not an absolute, clean path", quoted(m.startDir))
	}
	mounts, err := lookupOr(root, []*table{}, "fs", "mounts")
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		where, ok := mount.values["path"].(string)
		if !ok || !cleanPath(where) {
			return errors.New("a mount has no absolute, clean `path`")
		}
		switch mount.values["type"] {
		case "tmpfs":
			m.tmpfs = append(m.tmpfs, where)
		case "encrypted":
			m.encrypted = append(m.encrypted, where)
		}
	}
	return nil
}

func (m *manifest) readTrustedFiles(root *table) error {
	files, err := lookup[[]*table](root, "sgx", "trusted_files")
	if err != nil {
		return err
	}
	for _, file := range files {
		uri, _ := file.values["uri"].(string)
		where, isFile := strings.CutPrefix(uri, "file:")
		if !isFile || !cleanPath(where) {
			return fmt.Errorf("trusted file %s is not `file:` and an absolute, clean path", quoted(uri))
		}
		digits, _ := file.values["sha256"].(string)
		digest, err := hex.DecodeString(digits)
		if err != nil || len(digest) != 32 || strings.ToLower(digits) != digits {
			return fmt.Errorf("trusted file %s has no SHA-256", quoted(where))
		}
		m.trustedFiles = append(m.trustedFiles, trustedFile{where, [32]byte(digest)})
	}
	return nil
}

// lookup takes the value of one type at a path of keys.
func lookup[T any](root *table, keys ...string) (T, error) {
	value, there, err := find[T](root, keys)
	if err == nil && !there {
		err = fmt.Errorf("`%s` is not there", strings.Join(keys, "."))
	}
	return value, err
}

// lookupOr is lookup for what has a default.
func lookupOr[T any](root *table, byDefault T, keys ...string) (T, error) {
	value, there, err := find[T](root, keys)
	if err == nil && !there {
		return byDefault, nil
	}
	return value, err
}

func find[T any](root *table, keys []string) (value T, there bool, err error) {
	var found any = root
	for _, key := range keys {
		inner, ok := found.(*table)
		if !ok {
			return value, false, fmt.Errorf("`%s` lies below something that is no table", strings.Join(keys, "."))
		}
		if found, there = inner.values[key]; !there {
			return value, false, nil
		}
	}
	value, ok := found.(T)
	if !ok {
		err = fmt.Errorf("`%s` is of another type", strings.Join(keys, "."))
	}
	return value, true, err
}

// cleanPath tells whether a path is absolute and has no empty, `.` or `..` segment and no NUL.
func cleanPath(where string) bool {
	return path.IsAbs(where) && path.Clean(where) == where && !strings.ContainsRune(where, 0)
}
