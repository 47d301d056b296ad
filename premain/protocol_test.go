package main

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"math/big"
	"testing"
	"time"
)

type challengeVectors struct {
	Answer, Nonce, Pin string
	Refused            []struct{ Name, Answer, Pin, Error string }
}

type evidenceVectors struct {
	ActivationRequest string `json:"activation_request"`
	MLKEMSeed         string `json:"hpke_mlkem_seed"`
	X25519Key         string `json:"hpke_x25519_key"`
	Quote             string
	ReportData        string `json:"report_data"`
	RuntimeData       string `json:"runtime_data"`
	TLSScalar         string `json:"tls_scalar"`
	Workload          string
}

type bundleVectors struct {
	Plaintext, Sealed string
	Refused           []struct{ Name, Plaintext string }
}

func vectorChallenge(t testing.TB) *challenge {
	t.Helper()
	found := vector[challengeVectors](t, "challenge.json")
	c, err := openChallenge([]byte(found.Answer), unhex(t, found.Pin))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func vectorKeys(t testing.TB) *guestKeys {
	t.Helper()
	found := vector[evidenceVectors](t, "evidence.json")
	inner, err := mlkem.NewDecapsulationKey768(unhex(t, found.MLKEMSeed))
	if err != nil {
		t.Fatal(err)
	}
	outer, err := ecdh.X25519().NewPrivateKey(unhex(t, found.X25519Key))
	if err != nil {
		t.Fatal(err)
	}
	sealing, err := hpke.NewHybridPrivateKey(inner, outer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), unhex(t, found.TLSScalar))
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&leaf.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return &guestKeys{sealing, leaf, public}
}

func TestTheChallengeVectorIsAccepted(t *testing.T) {
	found := vector[challengeVectors](t, "challenge.json")
	for _, pin := range [][]byte{unhex(t, found.Pin), nil} {
		c, err := openChallenge([]byte(found.Answer), pin)
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(c.nonce) != found.Nonce || hex.EncodeToString(c.server.hash[:]) != found.Pin {
			t.Errorf("%+v", c)
		}
	}
}

func TestEachFaultyChallengeIsRefused(t *testing.T) {
	for _, entry := range vector[challengeVectors](t, "challenge.json").Refused {
		if _, err := openChallenge(unbase64(t, entry.Answer), unhex(t, entry.Pin)); err == nil {
			t.Errorf("%s is accepted", entry.Name)
		}
	}
}

func TestEvidenceIsWrittenAsTheServerReadsIt(t *testing.T) {
	found := vector[evidenceVectors](t, "evidence.json")
	data := vectorChallenge(t).runtimeData(found.Workload, vectorKeys(t))
	if string(data) != found.RuntimeData {
		t.Errorf("%s", data)
	}
	if sum := sha512.Sum512(data); hex.EncodeToString(sum[:]) != found.ReportData {
		t.Error("report data")
	}
	if request := activationRequest(unhex(t, found.Quote), data); string(request) != found.ActivationRequest {
		t.Errorf("%.200s", request)
	}
}

func TestTheSealedBundleOpensForItsGuestAlone(t *testing.T) {
	sealed := []byte(vector[bundleVectors](t, "bundle.json").Sealed)
	server, keys := vectorChallenge(t).server, vectorKeys(t)
	reportData := [64]byte(unhex(t, vector[evidenceVectors](t, "evidence.json").ReportData))
	b, err := openBundle(sealed, server, keys.hpke, reportData)
	if err != nil {
		t.Fatal(err)
	}
	if b.workload != "redis" || len(b.files) != 2 || b.files[0].mode != 0o400 || len(b.fsKeys["logs"]) != 16 ||
		b.env["REDIS_PASSWORD"] != "p\"\\\né€\U0001f511" || len(b.argv) != 2 || string(b.chain[1]) != "authority" {
		t.Errorf("%+v", b)
	}
	stranger, err := makeKeys()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openBundle(sealed, server, stranger.hpke, reportData); err == nil {
		t.Error("another guest opens it")
	}
	other := reportData
	other[0] ^= 1
	if _, err := openBundle(sealed, server, keys.hpke, other); err == nil {
		t.Error("it opens for other evidence")
	}
	forged := *server
	forged.key = append([]byte{}, server.key...)
	forged.key[0] ^= 1
	if _, err := openBundle(sealed, &forged, keys.hpke, reportData); err == nil {
		t.Error("it opens under another server's name")
	}
}

func TestEachFaultyBundleIsRefused(t *testing.T) {
	found := vector[bundleVectors](t, "bundle.json")
	if _, err := parseBundle([]byte(found.Plaintext)); err != nil {
		t.Fatal(err)
	}
	for _, entry := range found.Refused {
		if _, err := parseBundle(unbase64(t, entry.Plaintext)); err == nil {
			t.Errorf("%s is accepted", entry.Name)
		}
	}
}

// issue gives a certificate for a guest's key, of an authority that nobody knows.
func issue(t testing.TB, guest any) []byte {
	t.Helper()
	authority := must(makeKeys()).tls
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, guest, authority)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestABundleMustFitItsGuest(t *testing.T) {
	mine, other := vectorKeys(t).tls, must(makeKeys()).tls
	for name, c := range map[string]struct {
		bundle   bundle
		wantsTLS bool
		fits     bool
	}{
		"its own certificate":       {bundle{workload: "redis", chain: [][]byte{issue(t, mine.Public())}}, true, true},
		"no certificate, none used": {bundle{workload: "redis"}, false, true},
		"no certificate":            {bundle{workload: "redis"}, true, false},
		"another key's certificate": {bundle{workload: "redis", chain: [][]byte{issue(t, other.Public())}}, true, false},
		"bytes for a certificate":   {bundle{workload: "redis", chain: [][]byte{[]byte("leaf")}}, true, false},
		"another workload":          {bundle{workload: "nginx", chain: [][]byte{issue(t, mine.Public())}}, true, false},
	} {
		if err := c.bundle.fits("redis", mine, c.wantsTLS); (err == nil) != c.fits {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func FuzzEnvelopeIsRefusedOrWhatWasSigned(f *testing.F) {
	found := vector[challengeVectors](f, "challenge.json")
	f.Add([]byte(found.Answer))
	for _, entry := range found.Refused {
		f.Add(unbase64(f, entry.Answer))
	}
	pin := unhex(f, found.Pin)
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := openChallenge(raw, pin)
		if err == nil && hex.EncodeToString(c.nonce) != found.Nonce {
			t.Error("a challenge that nobody signed")
		}
	})
}

func FuzzBundleIsRefusedOrFitToApply(f *testing.F) {
	found := vector[bundleVectors](f, "bundle.json")
	f.Add([]byte(found.Plaintext))
	for _, entry := range found.Refused {
		f.Add(unbase64(f, entry.Plaintext))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := parseBundle(raw)
		if err != nil {
			return
		}
		for _, file := range b.files {
			if !cleanPath(file.path) || file.mode > 0o777 {
				t.Error(errors.New(file.path))
			}
		}
	})
}
