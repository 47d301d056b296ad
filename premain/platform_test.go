package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func frame(head byte, payload []byte) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{head}, uint32(len(payload))), payload...)
}

func TestAnswersAreReadByTheirFrame(t *testing.T) {
	for name, c := range map[string]struct {
		raw     []byte
		refusal string
		fault   bool
	}{
		"success":               {frame(0, make([]byte, 64)), "", false},
		"refusal":               {frame(2, []byte("SGX_INVALID_MEASUREMENT: no")), "SGX_INVALID_MEASUREMENT: no", false},
		"refusal without words": {frame(5, nil), "status 5", false},
		"cut head":              {frame(0, nil)[:3], "", true},
		"cut payload":           {frame(0, make([]byte, 64))[:60], "", true},
		"too short":             {frame(0, make([]byte, 63)), "", true},
		"too long":              {frame(0, make([]byte, 65)), "", true},
		"enormous":              {[]byte{0, 0xff, 0xff, 0xff, 0xff}, "", true},
		"nothing":               {nil, "", true},
	} {
		payload, refusal, err := readAnswer(bytes.NewReader(c.raw), 64, 64)
		if refusal != c.refusal || (err != nil) != c.fault || err == nil && refusal == "" && len(payload) != 64 {
			t.Errorf("%s: %x %q %v", name, payload, refusal, err)
		}
	}
}

func FuzzPlatformFrames(f *testing.F) {
	f.Add(frame(0, make([]byte, 64)))
	f.Add(frame(1, []byte("SGX_INVALID_SIGNATURE: no")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		payload, refusal, err := readAnswer(bytes.NewReader(raw), 64, 64)
		if err == nil && refusal == "" && len(payload) != 64 || len(payload) > 64 || len(refusal) > maxComplaint {
			t.Errorf("%d %d", len(payload), len(refusal))
		}
	})
}

// standIn answers the platform's requests in a test; it gives the quote that it is told and no evidence of anything.
type standIn struct {
	refuse   map[byte]string
	launched chan []byte
	reported chan []byte
}

func (s *standIn) listen(t testing.TB) string {
	t.Helper()
	// A temporary directory's name may be longer than a socket's address.
	directory := must(os.MkdirTemp("", "c"))
	t.Cleanup(func() { os.RemoveAll(directory) })
	where := filepath.Join(directory, "s")
	listener := must(net.Listen("unix", where))
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return where
}

func (s *standIn) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var head [5]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		payload := make([]byte, binary.LittleEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		if words, refused := s.refuse[head[0]]; refused {
			conn.Write(frame(5, []byte(words)))
			return
		}
		switch head[0] {
		case opLaunch:
			s.launched <- payload
			conn.Write(frame(0, make([]byte, identitySize)))
		case opQETargetInfo:
			conn.Write(frame(0, bytes.Repeat([]byte{7}, targetInfoSize)))
		case opEReport:
			s.reported <- payload
			conn.Write(frame(0, bytes.Repeat([]byte{8}, reportSize)))
		case opQuote:
			conn.Write(frame(0, append([]byte("quote over "), payload...)))
		}
	}
}

func newStandIn() *standIn {
	return &standIn{refuse: map[byte]string{}, launched: make(chan []byte, 4), reported: make(chan []byte, 4)}
}

func dial(t testing.TB, where string) *platform {
	t.Helper()
	p, err := dialPlatform(t.Context(), &settings{platformNet: "unix", platformAddr: where, timeout: 5e9})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

func TestThePlatformIsAskedAsItsReferenceSays(t *testing.T) {
	s := newStandIn()
	p := dial(t, s.listen(t))
	sigStruct := bytes.Repeat([]byte{3}, sigStructSize)
	if err := p.launch(strings.NewReader("the program"), 11, []byte("the manifest"), sigStruct); err != nil {
		t.Fatal(err)
	}
	want := append([]byte("\x0b\x00\x00\x00the program\x0c\x00\x00\x00the manifest"), sigStruct...)
	if sent := <-s.launched; !bytes.Equal(sent, want) {
		t.Errorf("%.60q", sent)
	}
	reportData := [64]byte{1, 2, 3}
	quote, err := p.quote(reportData)
	if err != nil || !bytes.Equal(quote, append([]byte("quote over "), bytes.Repeat([]byte{8}, reportSize)...)) {
		t.Errorf("%q %v", quote, err)
	}
	if sent := <-s.reported; !bytes.Equal(sent, append(bytes.Repeat([]byte{7}, targetInfoSize), reportData[:]...)) {
		t.Errorf("%x", sent)
	}
}

func TestAPlatformThatRefusesIsNotOneThatIsAway(t *testing.T) {
	s := newStandIn()
	s.refuse[opLaunch] = "SGX_INVALID_SIGNATURE: no\nerror: forged line"
	err := dial(t, s.listen(t)).launch(strings.NewReader(""), 0, nil, make([]byte, sigStructSize))
	if err == nil || isUnavailable(err) || !strings.Contains(err.Error(), "SGX_INVALID_SIGNATURE: no\\nerror") {
		t.Errorf("%v", err)
	}
	_, err = dialPlatform(t.Context(), &settings{platformNet: "unix", platformAddr: "/nowhere/s", timeout: 5e9})
	if !isUnavailable(err) {
		t.Errorf("%v", err)
	}
}

func TestGramineIsAskedThroughItsFiles(t *testing.T) {
	device := t.TempDir()
	for name, content := range map[string]string{"attestation_type": "dcap", "user_report_data": "", "quote": "the quote"} {
		must(0, os.WriteFile(filepath.Join(device, name), []byte(content), 0o644))
	}
	must(0, os.Mkdir(filepath.Join(device, "keys"), 0o755))
	must(0, os.WriteFile(filepath.Join(device, "keys", "default"), nil, 0o644))
	reportData := [64]byte{9, 8}
	quote, err := gramineQuote(device, reportData)
	if err != nil || string(quote) != "the quote" {
		t.Fatalf("%q %v", quote, err)
	}
	if written := must(os.ReadFile(filepath.Join(device, "user_report_data"))); [64]byte(written) != reportData {
		t.Errorf("%x", written)
	}
	if err := gramineKey(device, "default", make([]byte, fsKeySize)); err != nil {
		t.Error(err)
	}
	if err := gramineKey(device, "unknown", make([]byte, fsKeySize)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key that no mount names: %v", err)
	}
	for name, content := range map[string]string{"attestation_type": "none", "quote": "", "quote ": strings.Repeat("q", maxQuote+1)} {
		where := filepath.Join(device, strings.TrimSpace(name))
		before := must(os.ReadFile(where))
		must(0, os.WriteFile(where, []byte(content), 0o644))
		if _, err := gramineQuote(device, reportData); err == nil {
			t.Errorf("%s %.10q is accepted", name, content)
		}
		must(0, os.WriteFile(where, before, 0o644))
	}
	if _, err := gramineQuote(t.TempDir(), reportData); err == nil || isUnavailable(err) {
		t.Errorf("no enclave: %v", err)
	}
}
