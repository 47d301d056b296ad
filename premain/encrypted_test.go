package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"testing"
)

var codeKey = []byte("0123456789abcdef")

// encrypted puts one encrypted file into the image, with what `entries` say in it.
func (r *rehearsal) encrypted(entries ...tar.Header) {
	r.t.Helper()
	var content bytes.Buffer
	archive := tar.NewWriter(&content)
	for _, each := range entries {
		text := "canary"
		if each.Typeflag == tar.TypeReg {
			each.Size = int64(len(text))
		}
		must(0, archive.WriteHeader(&each))
		if each.Size > 0 {
			must(archive.Write([]byte(text)))
		}
	}
	must(0, archive.Close())
	raw := protect(r.t, codeKey, "/.caisson/encrypted/code", content.String())
	must(0, os.MkdirAll(r.root+"/encrypted", 0o755))
	must(0, os.WriteFile(r.root+"/encrypted/code", raw, 0o644))
	r.env["CAISSON_ENCRYPTED"] = "code"
	r.trusted += fmt.Sprintf("[[sgx.trusted_files]]\nuri = \"file:%s/encrypted/code\"\nsha256 = \"%x\"\n", r.root, sha256.Sum256(raw))
	r.bundle["fs_keys"] = object{"code": encodeOctets(codeKey)}
}

func (r *rehearsal) inMemory(name string) tar.Header {
	return tar.Header{Name: (r.mount + name)[1:], Typeflag: tar.TypeReg, Mode: 0o555}
}

func TestEncryptedFilesAreInPlaceBeforeTheProgramStarts(t *testing.T) {
	r := rehearse(t)
	r.encrypted(r.inMemory("/app/main.py"), r.inMemory("/app/deep/er/module.py"))
	r.check(91, "exec: error: ")
	if r.seen["/app/main.py"] != "canary" || r.seen["/app/deep/er/module.py"] != "canary" || r.seen["/etc/conf"] != "conf" {
		t.Errorf("files %v", r.seen)
	}
}

func TestWhatAnEarlierStartLeftIsReplaced(t *testing.T) {
	r := rehearse(t)
	must(0, os.WriteFile(r.mount+"/main.py", []byte("old"), 0o600))
	r.encrypted(r.inMemory("/main.py"))
	r.check(91, "exec: error: ")
	if r.seen["/main.py"] != "canary" {
		t.Errorf("files %v", r.seen)
	}
}

func TestEncryptedFilesThatDoNotFitStopTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		line   string
		change func(r *rehearsal)
	}{
		"no key":      {90, "apply: error: the bundle brings no key `code`", func(r *rehearsal) { r.bundle["fs_keys"] = object{} }},
		"another key": {90, "it does not open", func(r *rehearsal) { r.bundle["fs_keys"] = object{"code": encodeOctets(make([]byte, 16))} }},
		"a key for something": {90, "no encrypted file system", func(r *rehearsal) {
			r.bundle["fs_keys"] = object{"code": encodeOctets(codeKey), "data": encodeOctets(codeKey)}
		}},
		"not measured": {83, "is not measured", func(r *rehearsal) { r.trusted = "" }},
		"changed": {83, "differs from the measured file", func(r *rehearsal) {
			raw := must(os.ReadFile(r.root + "/encrypted/code"))
			raw[2000] ^= 1
			must(0, os.WriteFile(r.root+"/encrypted/code", raw, 0o644))
		}},
		"gone": {83, "no such file", func(r *rehearsal) { must(0, os.Remove(r.root+"/encrypted/code")) }},
		"twice": {90, "or there twice", func(r *rehearsal) {
			r.trusted = ""
			r.encrypted(r.inMemory("/a"), r.inMemory("/a"))
		}},
		"a link": {90, "which is no file", func(r *rehearsal) {
			r.trusted = ""
			r.encrypted(tar.Header{Name: (r.mount + "/l")[1:], Typeflag: tar.TypeSymlink, Linkname: "/etc"})
		}},
		"outside of memory": {90, "does not lie below a tmpfs", func(r *rehearsal) {
			r.trusted = ""
			r.encrypted(tar.Header{Name: (r.root + "/app2")[1:], Typeflag: tar.TypeReg})
		}},
		"over the TLS key": {90, "file exists", func(r *rehearsal) {
			r.trusted = ""
			r.encrypted(r.inMemory("/tls/key.pem"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := rehearse(t)
			r.encrypted(r.inMemory("/main.py"))
			c.change(r)
			r.check(c.status, c.line)
			if r.started {
				t.Error("the program is started")
			}
		})
	}
}

func TestInsideALibraryOSTheKeyOfEncryptedFilesIsNotHandedOn(t *testing.T) {
	r := rehearse(t)
	r.encrypted(r.inMemory("/main.py"))
	device := r.world.attestation
	must(0, os.MkdirAll(device+"/keys", 0o755))
	for name, content := range map[string]string{"attestation_type": "dcap", "user_report_data": "", "quote": "q", "keys/code": ""} {
		must(0, os.WriteFile(device+"/"+name, []byte(content), 0o644))
	}
	r.world.args = []string{"premain", "/usr/bin/app", "app"}
	for name, value := range r.env {
		r.outside[name] = value
	}
	r.outside["CAISSON_RUNTIME"], r.outside["CAISSON_TMPFS"] = "gramine", r.mount
	r.check(91, "exec: error: ")
	if r.seen["/main.py"] != "canary" {
		t.Errorf("files %v", r.seen)
	}
	if handed := must(os.ReadFile(device + "/keys/code")); len(handed) != 0 {
		t.Error("the library OS has the key")
	}
}
