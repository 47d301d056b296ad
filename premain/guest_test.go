package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestTheProgramStartsWithItsSecretsInPlace(t *testing.T) {
	r := rehearse(t)
	r.check(91, "exec: error: `"+r.root+"/app` cannot be started: exec format error")
	if strings.Join(r.startedAs, " ") != "app -x --secret" {
		t.Errorf("argv %v", r.startedAs)
	}
	env := environment(r.startedEnv)
	if env["PASSWORD"] != "canary" || env["PATH"] != "/bin" || env["NOT_IN_THE_MANIFEST"] != "" {
		t.Errorf("env %v", env)
	}
	if r.seen["/etc/conf"] != "conf" {
		t.Errorf("files %v", r.seen)
	}
	if _, err := tls.X509KeyPair([]byte(r.seen["/tls/certificate.pem"]), []byte(r.seen["/tls/key.pem"])); err != nil {
		t.Error(err)
	}
	if sent := <-r.platform.launched; !bytes.Contains(sent, []byte(r.manifest()[:40])) || !bytes.Contains(sent, []byte("premain")) {
		t.Errorf("launched %.80q", sent)
	}
}

func TestChainAndKeyCanShareAFile(t *testing.T) {
	r := rehearse(t)
	r.env["CAISSON_TLS_KEY"] = r.env["CAISSON_TLS_CERTIFICATE"]
	r.check(91, "exec: error: `"+r.root+"/app` cannot be started: exec format error")
	both := []byte(r.seen["/tls/certificate.pem"])
	if _, err := tls.X509KeyPair(both, both); err != nil {
		t.Error(err)
	}
	if !bytes.HasPrefix(both, []byte("-----BEGIN CERTIFICATE-----")) {
		t.Errorf("the chain does not come first: %.40q", both)
	}
}

func TestEachStepFailsByItsNameAndLeavesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		line   string
		change func(r *rehearsal)
	}{
		"arguments": {81, "configuration: error: premain takes no arguments", func(r *rehearsal) {
			r.world.args = append(r.world.args, "/bin/sh", "sh")
		}},
		"no manifest": {82, "manifest: error: ", func(r *rehearsal) { r.world.image += "/nowhere" }},
		"manifest of another runtime": {82, "manifest: error: the image is built for runtime `gramine`", func(r *rehearsal) {
			r.env["CAISSON_RUNTIME"] = "gramine"
		}},
		"no key server": {81, "configuration: error: `CAISSON_KEY_SERVER` is not set", func(r *rehearsal) {
			delete(r.outside, "CAISSON_KEY_SERVER")
		}},
		"secrets would reach a disk": {81, "is no tmpfs", func(r *rehearsal) {
			r.world.isTmpfs = func(int) error { return fmt.Errorf("is no tmpfs") }
		}},
		"key outside of memory": {81, "does not lie below a tmpfs mount", func(r *rehearsal) {
			r.env["CAISSON_TLS_KEY"] = r.root + "/key.pem"
		}},
		"changed program": {83, "trusted files: error: `", func(r *rehearsal) {
			must(0, os.WriteFile(r.root+"/app", []byte("Program"), 0o755))
		}},
		"no SIGSTRUCT": {84, "launch: error: ", func(r *rehearsal) { must(0, os.Remove(r.root+"/app.sig")) }},
		"refused launch": {84, "launch: error: the software platform says no: SGX_INVALID_MEASUREMENT", func(r *rehearsal) {
			r.platform.refuse[opLaunch] = "SGX_INVALID_MEASUREMENT: no"
		}},
		"no platform": {93, "launch: error: the software platform", func(r *rehearsal) {
			r.outside["CAISSON_PLATFORM"] = "unix:/nowhere/s"
		}},
		"another server": {85, "challenge: error: the server has key", func(r *rehearsal) {
			r.env["CAISSON_KEY_SERVER_PIN"] = strings.Repeat("0", 64)
		}},
		"no server": {93, "challenge: error: the key server cannot be reached", func(r *rehearsal) {
			r.outside["CAISSON_KEY_SERVER"], r.outside["CAISSON_TIMEOUT"] = "http://127.0.0.1:1", "1"
		}},
		"no quote": {87, "quote: error: the software platform says no", func(r *rehearsal) {
			r.platform.refuse[opQuote] = "SGX_INVALID_REPORT: no"
		}},
		"refused activation": {88, "activation: error: the key server says no", func(r *rehearsal) { r.status = 403 }},
		"no verdict":         {93, "activation: error: the key server gives no verdict", func(r *rehearsal) { r.status = 503 }},
		"changed bundle": {89, "bundle: error: ", func(r *rehearsal) {
			r.answer = func(answer []byte) []byte { return bytes.Replace(answer, []byte(`"sig":"`), []byte(`"sig":"AAAA`), 1) }
		}},
		"bundle of another workload": {89, "bundle: error: the bundle is for workload `nginx`", func(r *rehearsal) {
			r.bundle["workload"] = "nginx"
		}},
		"another key's certificate": {89, "certificate is for another key", func(r *rehearsal) {
			r.bundle["certificate_chain"] = []any{encodeOctets(issue(r.t, must(makeKeys()).tls.Public()))}
		}},
		"no certificate": {89, "brings no certificate", func(r *rehearsal) { r.bundle["certificate_chain"] = []any{} }},
		"file outside of memory": {90, "apply: error: ", func(r *rehearsal) {
			r.bundle["files"] = append(r.bundle["files"].([]any), object{"path": r.root + "/x", "mode": int64(0), "content": ""})
		}},
		"file over another": {90, "file exists", func(r *rehearsal) {
			r.bundle["files"] = append(r.bundle["files"].([]any), r.bundle["files"].([]any)...)
		}},
		"measured variable": {90, "variable `PATH` is already set", func(r *rehearsal) { r.bundle["env"] = object{"PATH": "/evil"} }},
		"file-system key":   {90, "no encrypted file system", func(r *rehearsal) { r.bundle["fs_keys"] = object{"d": encodeOctets(make([]byte, 16))} }},
	} {
		t.Run(name, func(t *testing.T) {
			r := rehearse(t)
			c.change(r)
			r.check(c.status, c.line)
			if r.started {
				t.Error("the program is started")
			}
		})
	}
}

func TestInsideALibraryOSTheDeviceVouches(t *testing.T) {
	r := rehearse(t)
	device := r.world.attestation
	must(0, os.MkdirAll(device+"/keys", 0o755))
	for name, content := range map[string]string{"attestation_type": "dcap", "user_report_data": "", "quote": "q", "keys/default": ""} {
		must(0, os.WriteFile(filepath.Join(device, name), []byte(content), 0o644))
	}
	r.world.args = []string{"premain", "/usr/bin/app", "app", "-x"}
	r.world.isTmpfs = func(int) error { return fmt.Errorf("the library OS makes up its file systems") }
	for name, value := range r.env {
		r.outside[name] = value
	}
	r.outside["CAISSON_RUNTIME"], r.outside["CAISSON_TMPFS"] = "gramine", r.mount
	r.bundle["fs_keys"] = object{"default": encodeOctets([]byte("0123456789abcdef"))}
	r.check(91, "exec: error: `/usr/bin/app`")
	if strings.Join(r.startedAs, " ") != "app -x --secret" || r.seen["/etc/conf"] != "conf" {
		t.Errorf("%v %v", r.startedAs, r.seen)
	}
	if key := must(os.ReadFile(device + "/keys/default")); string(key) != "0123456789abcdef" {
		t.Errorf("file-system key %q", key)
	}
	if len(must(os.ReadFile(device+"/user_report_data"))) != 64 || len(r.platform.launched) != 0 {
		t.Error("the device is not asked")
	}
}

// underDirect turns a rehearsal into one under gramine-direct: arguments and environment of a manifest that nobody
// measured, and beside it the measured one with Gramine's PAL.
func (r *rehearsal) underDirect() {
	r.t.Helper()
	must(0, os.MkdirAll(r.root+"/runtime/sgx", 0o755))
	must(0, os.WriteFile(r.root+"/runtime/sgx/libpal.so", []byte("the PAL"), 0o444))
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	r.t.Cleanup(func() { listener.Close() })
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go r.platform.serve(conn)
		}
	}()
	r.outside["CAISSON_PLATFORM"] = "tcp:" + listener.Addr().String()
	r.env["CAISSON_RUNTIME"] = "gramine"
	r.outside["CAISSON_RUNTIME"] = "gramine-direct"
	r.mounts = "[[fs.mounts]]\ntype = \"encrypted\"\npath = \"/data\"\nuri = \"file:/data\"\nkey_name = \"d\"\n"
	r.world.args = []string{"premain", "/not/measured"}
	r.world.isTmpfs = func(int) error { return fmt.Errorf("the library OS makes up its file systems") }
	r.bundle["fs_keys"] = object{"d": encodeOctets(make([]byte, 16))}
}

func TestUnderGramineDirectTheSoftwarePlatformVouchesForTheEnclaveThatWouldBe(t *testing.T) {
	r := rehearse(t)
	r.underDirect()
	if status := r.run(); status != 91 || !strings.Contains(r.stderr.String(), "exec: error: `"+r.root+"/app`") {
		t.Errorf("status %d, said %s", status, r.stderr.String())
	}
	if strings.Join(r.startedAs, " ") != "app -x --secret" || r.seen["/etc/conf"] != "conf" {
		t.Errorf("%v %v", r.startedAs, r.seen)
	}
	if len(r.platform.launched) == 0 {
		t.Fatal("nothing is launched")
	}
	launched := <-r.platform.launched
	if !bytes.HasPrefix(launched, []byte("\x07\x00\x00\x00the PAL")) || !bytes.Contains(launched, must(os.ReadFile(r.root+"/app.manifest.sgx"))) {
		t.Errorf("launched %.40q", launched)
	}
	if !strings.Contains(r.stderr.String(), "apply: warning: file-system key `d` is not used") {
		t.Errorf("no warning: %s", r.stderr.String())
	}
}

func TestUnderGramineDirectOneFaultIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		line   string
		change func(*rehearsal)
	}{
		"image for the native runtime": {82, "built for runtime `native`", func(r *rehearsal) { r.env["CAISSON_RUNTIME"] = "native" }},
		"a Unix socket":                {81, "out of reach", func(r *rehearsal) { r.outside["CAISSON_PLATFORM"] = "unix:/s" }},
		"no PAL":                       {84, "launch: error: ", func(r *rehearsal) { must(0, os.Remove(r.root+"/runtime/sgx/libpal.so")) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := rehearse(t)
			r.underDirect()
			c.change(r)
			r.check(c.status, c.line)
			if r.started {
				t.Error("the program is started")
			}
		})
	}
}

func TestOnTheNativeRuntimeAKeyComesToNothingOnlyIfTheImageSaysSo(t *testing.T) {
	r := rehearse(t)
	r.env["CAISSON_PLAIN_KEYS"] = "c,d"
	r.bundle["fs_keys"] = object{"d": encodeOctets(make([]byte, 16))}
	if status := r.run(); status != 91 || !r.started {
		t.Errorf("status %d", status)
	}
	if !strings.Contains(r.stderr.String(), "apply: warning: file-system key `d` is not used: on the `native` runtime") {
		t.Errorf("no warning: %s", r.stderr.String())
	}
	r = rehearse(t)
	r.env["CAISSON_PLAIN_KEYS"] = "c,d"
	r.bundle["fs_keys"] = object{"e": encodeOctets(make([]byte, 16))}
	r.check(90, "no encrypted file system")
}

func TestTheNativeRuntimeKeepsNoEncryptedMount(t *testing.T) {
	r := rehearse(t)
	r.mounts = "[[fs.mounts]]\ntype = \"encrypted\"\npath = \"/data\"\n"
	r.check(82, "`/data` is an encrypted mount")
}

func TestASignalEndsItAndLeavesNothing(t *testing.T) {
	r := rehearse(t)
	must(0, os.WriteFile(r.root+"/app.manifest.sgx", []byte(r.manifest()), 0o644))
	for name, value := range r.outside {
		r.world.environ = append(r.world.environ, name+"="+value)
	}
	arrived, released := make(chan bool), make(chan bool)
	r.answer = func(answer []byte) []byte {
		close(arrived)
		<-released
		return answer
	}
	signals := make(chan os.Signal, 1)
	go func() {
		<-arrived
		signals <- syscall.SIGTERM
	}()
	if status := run(signals, r.world); status != statusInterrupted {
		t.Errorf("status %d", status)
	}
	close(released) // not before: it did not wait for the server
	if left := entries(t, r.mount); len(left) != 0 || r.started {
		t.Errorf("left behind: %v, started: %v", left, r.started)
	}
}

func TestABugIsNoVerdict(t *testing.T) {
	r := rehearse(t)
	r.world.exec = func(string, []string, []string) error { panic("a bug") }
	if status := r.run(); status != statusBug {
		t.Errorf("status %d", status)
	}
	if left := entries(t, r.mount); len(left) != 0 || !strings.Contains(r.stderr.String(), "exec: error: this is a bug in Caisson: a bug\n") {
		t.Errorf("left behind: %v, said: %s", left, r.stderr.String())
	}
}

func TestStepsHaveStatusesOfTheirOwn(t *testing.T) {
	names := map[int]string{statusBug: "bug", statusInterrupted: "interrupted", statusUnavailable: "unavailable"}
	for _, step := range steps {
		if other, taken := names[step.status]; taken && other != step.name {
			t.Errorf("%s has the status of %s", step.name, other)
		}
		names[step.status] = step.name
	}
}
