package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
)

// rehearsal is a whole start in one process: files, a platform that stands in, and a key server that does its part of
// the protocol without judging. A test changes one thing before it runs.
type rehearsal struct {
	t          testing.TB
	root       string
	mount      string
	world      world
	env        map[string]string // measured
	mounts     string            // more of them, as the manifest has them
	trusted    string            // more trusted files, likewise
	outside    map[string]string
	platform   *standIn
	bundle     object
	serverKey  ed25519.PrivateKey
	answer     func(answer []byte) []byte // what becomes of the bundle's answer on its way
	status     int                        // of the answer to the activation
	started    bool
	startedAs  []string
	startedEnv []string
	stderr     bytes.Buffer
	seen       map[string]string // the program's view of the mount
}

func spkiOf(t testing.TB, key ed25519.PrivateKey) []byte {
	t.Helper()
	return must(x509.MarshalPKIXPublicKey(key.Public()))
}

func rehearse(t testing.TB) *rehearsal {
	t.Helper()
	r := &rehearsal{
		t: t, root: t.TempDir(), platform: newStandIn(), status: http.StatusOK,
		serverKey: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)),
		answer:    func(answer []byte) []byte { return answer },
	}
	r.mount = r.root + "/run"
	must(0, os.Mkdir(r.mount, 0o755))
	must(0, os.WriteFile(r.root+"/app", []byte("program"), 0o755))
	must(0, os.WriteFile(r.root+"/app.sig", make([]byte, sigStructSize), 0o444))
	must(0, os.WriteFile(r.root+"/premain", []byte("premain"), 0o555))
	pin := sha256.Sum256(spkiOf(t, r.serverKey))
	r.env = map[string]string{
		"CAISSON_RUNTIME":         "native",
		"CAISSON_KEY_SERVER_PIN":  hex.EncodeToString(pin[:]),
		"CAISSON_TLS_CERTIFICATE": r.mount + "/tls/certificate.pem",
		"CAISSON_TLS_KEY":         r.mount + "/tls/key.pem",
		"PATH":                    "/bin",
	}
	server := httptest.NewTLSServer(http.HandlerFunc(r.serve))
	t.Cleanup(server.Close)
	r.outside = map[string]string{
		"CAISSON_KEY_SERVER": server.URL, "CAISSON_WORKLOAD": "redis", "CAISSON_TIMEOUT": "60",
		"CAISSON_PLATFORM": "unix:" + r.platform.listen(t), "NOT_IN_THE_MANIFEST": "x",
	}
	r.bundle = object{
		"version": int64(1), "workload": "redis", "expires": int64(0), "argv": []any{"--secret"},
		"env": object{"PASSWORD": "canary"}, "fs_keys": object{},
		"files": []any{object{"path": r.mount + "/etc/conf", "mode": int64(0o440), "content": encodeOctets([]byte("conf"))}},
	}
	r.world = world{
		args: []string{"premain"}, image: r.root, executable: r.root + "/premain", attestation: r.root + "/attestation",
		isTmpfs: anyFileSystem, exec: r.exec, stderr: &r.stderr,
	}
	return r
}

func (r *rehearsal) manifest() string {
	var text strings.Builder
	fmt.Fprintf(&text, "[loader]\nargv = [\"premain\", \"%s/app\", \"app\", \"-x\"]\nuid = %d\ngid = %d\n[loader.env]\n",
		r.root, os.Geteuid(), os.Getegid())
	for name, value := range r.env {
		fmt.Fprintf(&text, "%s = %s\n", name, appendString(nil, value))
	}
	for name := range r.outside {
		if _, measured := r.env[name]; strings.HasPrefix(name, "CAISSON_") && !measured {
			fmt.Fprintf(&text, "[loader.env.%s]\npassthrough = true\n", name)
		}
	}
	fmt.Fprintf(&text, "[fs]\nstart_dir = \"%s\"\n[[fs.mounts]]\ntype = \"tmpfs\"\npath = \"%s\"\n%s", r.root, r.mount, r.mounts)
	text.WriteString(r.trusted)
	fmt.Fprintf(&text, "[[sgx.trusted_files]]\nuri = \"file:%s/app\"\nsha256 = \"%x\"\n", r.root, sha256.Sum256([]byte("program")))
	return text.String()
}

func (r *rehearsal) run() int {
	r.t.Helper()
	must(0, os.WriteFile(r.root+"/app.manifest.sgx", []byte(r.manifest()), 0o644))
	for name, value := range r.outside {
		r.world.environ = append(r.world.environ, name+"="+value)
	}
	before := must(os.Getwd())
	defer os.Chdir(before)
	return run(nil, r.world)
}

func (r *rehearsal) exec(_ string, argv, env []string) error {
	r.started, r.startedAs, r.startedEnv, r.seen = true, argv, env, map[string]string{}
	for _, where := range entries(r.t, r.mount) {
		if content, err := os.ReadFile(where); err == nil {
			r.seen[strings.TrimPrefix(where, r.mount)] = string(content)
		}
	}
	return syscall.ENOEXEC
}

func (r *rehearsal) sign(payload object, payloadType string) object {
	raw := encodeCanonical(payload)
	signed := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(raw), raw)
	return object{"payload": encodeOctets(raw), "payloadType": payloadType, "signatures": []any{object{
		"keyid": fmt.Sprintf("%x", sha256.Sum256(spkiOf(r.t, r.serverKey))),
		"sig":   encodeOctets(ed25519.Sign(r.serverKey, signed)),
	}}}
}

func (r *rehearsal) serve(w http.ResponseWriter, request *http.Request) {
	body := must(io.ReadAll(request.Body))
	if request.URL.Path == "/v1/challenges" {
		w.WriteHeader(http.StatusCreated)
		w.Write(encodeCanonical(object{
			"envelope":   r.sign(object{"version": int64(1), "expires": int64(0), "nonce": encodeOctets(make([]byte, 32))}, challengeType),
			"server_key": encodeOctets(spkiOf(r.t, r.serverKey)),
		}))
		return
	}
	activation := decodeMembers(body)
	runtimeData := activation.octets("runtime_data")
	data := decodeMembers(runtimeData)
	guest := must(x509.ParsePKIXPublicKey(data.octets("tls_public_key")))
	public := must(hpke.MLKEM768X25519().NewPublicKey(data.octets("hpke_public_key")))
	bundle := maps.Clone(r.bundle)
	if _, fixed := bundle["certificate_chain"]; !fixed {
		bundle["certificate_chain"] = []any{encodeOctets(issue(r.t, guest))}
	}
	reportData := sha512.Sum512(runtimeData)
	sealed := must(hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), append([]byte(bundleInfo), reportData[:]...), encodeCanonical(bundle)))
	w.WriteHeader(r.status)
	w.Write(r.answer(encodeCanonical(r.sign(object{"version": int64(1), "ciphertext": encodeOctets(sealed)}, bundleType))))
}

// check runs and wants one status, one line that names step and reason, and nothing left behind.
func (r *rehearsal) check(status int, line string) {
	r.t.Helper()
	if got := r.run(); got != status {
		r.t.Errorf("status %d, not %d", got, status)
	}
	first, _, _ := strings.Cut(r.stderr.String(), "\n")
	if !strings.HasPrefix(first, "caisson premain: ") || !strings.Contains(first, line) {
		r.t.Errorf("said %q, not %q", r.stderr.String(), line)
	}
	if strings.Contains(r.stderr.String(), "canary") {
		r.t.Error("a secret is on stderr")
	}
	if left := entries(r.t, r.mount); len(left) != 0 {
		r.t.Errorf("left behind: %v", left)
	}
}
