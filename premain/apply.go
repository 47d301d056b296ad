package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// apply puts the bundle in place, in the protocol's order: file-system keys and what they open, TLS key and chain, files,
// environment.
func apply(ctx context.Context, g *guest) error {
	if err := g.applyKeys(); err != nil {
		return err
	}
	if !g.inLibOS { // whose memory never outlives it
		if err := g.files.sweep(g.places()); err != nil {
			return err
		}
	}
	if err := g.applyEncrypted(ctx); err != nil {
		return err
	}
	if err := g.applyTLS(); err != nil {
		return err
	}
	for _, file := range g.bundle.files {
		if err := g.files.create(file.path, file.mode, file.content); err != nil {
			return err
		}
	}
	g.bundle.wipe()
	return g.applyEnv()
}

// places are the files that will be made.
func (g *guest) places() []string {
	var found []string
	if g.settings.tlsKey != "" {
		found = append(found, g.settings.tlsKey)
	}
	if g.settings.tlsCertificate != g.settings.tlsKey {
		found = append(found, g.settings.tlsCertificate)
	}
	for _, file := range g.bundle.files {
		found = append(found, file.path)
	}
	return found
}

// applyKeys hands file-system keys to the library OS, apart from those that premain itself makes use of. Without an
// enclave none can be kept: then a key is passed over, with a warning, if the image says that its mount is plain, and
// refused otherwise.
func (g *guest) applyKeys() error {
	plain := strings.Split(g.env["CAISSON_PLAIN_KEYS"], ",")
	for _, name := range slices.Sorted(maps.Keys(g.bundle.fsKeys)) {
		switch {
		case slices.Contains(g.encryptedKeys(), name):
			continue
		case g.direct:
			g.warn("file-system key `%s` is not used: gramine-direct has a throw-away key, and protects nothing", name)
			continue
		case !g.inLibOS && slices.Contains(plain, name):
			g.warn("file-system key `%s` is not used: on the `native` runtime its mount is a plain volume", name)
			continue
		case !g.inLibOS:
			return wrong("remove them from the workload, or build the image for runtime `gramine`",
				"the bundle brings file-system keys, and the `native` runtime has no encrypted file system")
		}
		if err := gramineKey(g.attestation, name, g.bundle.fsKeys[name]); err != nil {
			return fmt.Errorf("file-system key `%s` is not accepted: %w", name, err)
		}
	}
	return nil
}

func (g *guest) warn(format string, values ...any) {
	fmt.Fprintf(g.stderr, "caisson premain: apply: warning: "+format+"\n", values...)
}

// applyTLS writes key and chain. Where both have one path, they share a file, as some programs want it: the chain comes
// first.
func (g *guest) applyTLS() error {
	if g.settings.tlsKey == "" {
		return nil
	}
	der, err := x509.MarshalPKCS8PrivateKey(g.keys.tls)
	if err != nil {
		return err
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	defer clear(der)
	defer clear(key)
	var chain []byte
	for _, certificate := range g.bundle.chain {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})...)
	}
	if g.settings.tlsKey == g.settings.tlsCertificate {
		both := slices.Concat(chain, key)
		defer clear(both)
		return g.files.create(g.settings.tlsKey, 0o400, both)
	}
	if err := g.files.create(g.settings.tlsKey, 0o400, key); err != nil {
		return err
	}
	return g.files.create(g.settings.tlsCertificate, 0o400, chain)
}

// applyEnv adds the bundle's variables. A measured one stays what it was measured to be.
func (g *guest) applyEnv() error {
	for name, value := range g.bundle.env {
		if _, there := g.env[name]; there {
			return fmt.Errorf("variable `%s` is already set, and a bundle replaces nothing", name)
		}
		g.env[name] = value
	}
	g.program.argv = append(g.program.argv, g.bundle.argv...)
	return nil
}

// program is what premain becomes.
type program struct {
	path string
	argv []string
}

// parseProgram takes premain's own arguments apart: its name, the program's path, and the program's argv.
func parseProgram(arguments []string) (program, error) {
	if len(arguments) < 3 {
		return program{}, errors.New("there are no arguments `premain PROGRAM ARGV0 …`")
	}
	if !cleanPath(arguments[1]) {
		return program{}, fmt.Errorf("the program %s is not an absolute, clean path", quoted(arguments[1]))
	}
	return program{arguments[1], slices.Clone(arguments[2:])}, nil
}
