package main

import (
	"crypto/ecdsa"
	"crypto/hpke"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	bundleType = "application/vnd.caisson.sealed-bundle.v1+json"
	bundleInfo = "caisson sealed bundle v1\x00"
	fsKeySize  = 16
)

// bundle is what an activation brings; nothing of it may be printed.
type bundle struct {
	workload string
	argv     []string
	env      map[string]string
	files    []bundleFile
	fsKeys   map[string][]byte
	chain    [][]byte // DER, leaf first
}

type bundleFile struct {
	path    string
	mode    uint32
	content []byte
}

// fsKeyName leaves out the names that Gramine keeps for the CPU's own keys, which begin with an underscore.
var fsKeyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// openBundle checks the server's signature, opens the seal, and reads what was inside.
func openBundle(raw []byte, server *identity, key hpke.PrivateKey, reportData [64]byte) (*bundle, error) {
	payload, err := server.openEnvelope(decodeMembers(raw), bundleType)
	if err != nil {
		return nil, fmt.Errorf("the bundle's envelope is refused: %w", err)
	}
	sealed := decodeMembers(payload)
	sealed.version(1)
	ciphertext := sealed.octets("ciphertext")
	if err := sealed.done(); err != nil {
		return nil, fmt.Errorf("the sealed bundle is malformed: %w", err)
	}
	info := append([]byte(bundleInfo), reportData[:]...)
	plaintext, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), info, ciphertext)
	if err != nil {
		return nil, errors.New("the bundle is not sealed for this guest and this evidence")
	}
	defer clear(plaintext)
	b, err := parseBundle(plaintext)
	if err != nil {
		return nil, fmt.Errorf("the bundle is malformed: %w", err)
	}
	return b, nil
}

func parseBundle(plaintext []byte) (*bundle, error) {
	m := decodeMembers(plaintext)
	m.version(1)
	m.integer("expires")
	b := &bundle{workload: m.text("workload"), env: map[string]string{}, fsKeys: map[string][]byte{}}
	argv, chain, files := m.array("argv"), m.array("certificate_chain"), m.array("files")
	env, keys := m.object("env"), m.object("fs_keys")
	err := m.done()
	for _, step := range []func() error{
		func() error { return b.readArgv(argv) },
		func() error { return b.readEnv(env) },
		func() error { return b.readKeys(keys) },
		func() error { return b.readChain(chain) },
		func() error { return b.readFiles(files) },
	} {
		if err == nil {
			err = step()
		}
	}
	return b, err
}

func (b *bundle) readArgv(items []any) error {
	for _, item := range items {
		argument, ok := item.(string)
		if !ok || strings.ContainsRune(argument, 0) {
			return errors.New("`argv` holds something that can be no argument")
		}
		b.argv = append(b.argv, argument)
	}
	return nil
}

func (b *bundle) readEnv(env *members) error {
	for name := range env.left {
		if !variableName.MatchString(name) || strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "CAISSON_") {
			return fmt.Errorf("variable %s is not one that a bundle may set", quoted(name))
		}
		b.env[name] = env.text(name)
		if strings.ContainsRune(b.env[name], 0) {
			return fmt.Errorf("variable `%s` holds a NUL", name)
		}
	}
	return env.done()
}

func (b *bundle) readKeys(keys *members) error {
	for name := range keys.left {
		if !fsKeyName.MatchString(name) {
			return fmt.Errorf("%s is no name of a file-system key", quoted(name))
		}
		b.fsKeys[name] = keys.octets(name)
		if keys.err == nil && len(b.fsKeys[name]) != fsKeySize {
			return fmt.Errorf("file-system key `%s` has not %d bytes", name, fsKeySize)
		}
	}
	return keys.done()
}

func (b *bundle) readChain(items []any) error {
	for _, item := range items {
		text, _ := item.(string)
		der, err := decodeOctets(text)
		if err != nil || len(der) == 0 {
			return errors.New("`certificate_chain` holds something that is no certificate")
		}
		b.chain = append(b.chain, der)
	}
	return nil
}

func (b *bundle) readFiles(items []any) error {
	for _, item := range items {
		fields, ok := item.(object)
		if !ok {
			return errors.New("`files` holds something that is no file")
		}
		m := &members{left: fields}
		where, mode, content := m.text("path"), m.integer("mode"), m.octets("content")
		if err := m.done(); err != nil {
			return err
		}
		if !cleanPath(where) || mode < 0 || mode > 0o777 {
			return fmt.Errorf("file %s has no clean path, or a mode beyond permission bits", quoted(where))
		}
		b.files = append(b.files, bundleFile{where, uint32(mode), content})
	}
	return nil
}

// fits tells whether the bundle is the one this guest asked for, with a certificate for its own key.
func (b *bundle) fits(workload string, key *ecdsa.PrivateKey, wantsTLS bool) error {
	if b.workload != workload {
		return fmt.Errorf("the bundle is for workload %s and not for `%s`", quoted(b.workload), workload)
	}
	if len(b.chain) == 0 {
		if wantsTLS {
			return errors.New("the bundle brings no certificate, and the program expects one")
		}
		return nil
	}
	leaf, err := x509.ParseCertificate(b.chain[0])
	if err != nil {
		return errors.New("the bundle's certificate cannot be read")
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return errors.New("the bundle's certificate is for another key")
	}
	return nil
}

// wipe overwrites the secrets that lie in memory of our own; strings are out of reach until execve drops them.
func (b *bundle) wipe() {
	for _, file := range b.files {
		clear(file.content)
	}
	for _, key := range b.fsKeys {
		clear(key)
	}
}
