package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func server(t *testing.T, secured bool) string {
	t.Helper()
	handler := http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/healthz" {
			answer.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	made := httptest.NewServer(handler)
	if secured {
		made.Close()
		made = httptest.NewTLSServer(handler)
	}
	t.Cleanup(made.Close)
	where, err := url.Parse(made.URL)
	if err != nil {
		t.Fatal(err)
	}
	return where.Port()
}

func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func TestWhatAnswersIsHealthyAndNothingElseIs(t *testing.T) {
	secured, plain, closed := server(t, true), server(t, false), closedPort(t)
	for text, wrong := range map[string]string{
		"tcp:" + secured:                "",
		"tls:" + secured:                "",
		"https:" + secured + "/healthz": "",
		"https:" + secured + "/other":   "503",
		"tls:" + plain:                  "tls",
		"https:" + plain + "/healthz":   "tls",
		"tcp:" + closed:                 "refused",
		"tls:" + closed:                 "refused",
		"":                              "is not",
		"tcp:":                          "is not",
		"tcp:1/x":                       "is not",
		"https:443":                     "is not",
		"https:443/a b":                 "is not",
		"https:443/\r\nHost: x":         "is not",
		"udp:53":                        "is not",
		"tcp:999999":                    "is not",
	} {
		err := probe(text, false)
		switch {
		case wrong == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
			t.Errorf("%q: %v, not %q", text, err, wrong)
		}
	}
}

// aged gives the port of a server whose certificate was made so that this share of its life is over.
func aged(t *testing.T, serial int64, life time.Duration, over float64) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	begins := time.Now().Add(-time.Duration(float64(life) * over))
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: begins, NotAfter: begins.Add(life)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	made := httptest.NewUnstartedServer(http.NotFoundHandler())
	made.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	made.StartTLS()
	t.Cleanup(made.Close)
	where, err := url.Parse(made.URL)
	if err != nil {
		t.Fatal(err)
	}
	return where.Port()
}

func TestAContainerWhoseCertificateEndsSoonIsNotWellForWhoAsksThat(t *testing.T) {
	day, century := 24*time.Hour, 36500*24*time.Hour
	for _, one := range []struct {
		serial int64
		life   time.Duration
		over   float64
		wrong  string
	}{
		{1000, day, 0.0, ""},
		{1000, day, 0.87, ""},
		{1000, day, 0.88, "start the container again"},
		{1999, day, 0.74, ""},
		{1999, day, 0.76, "start the container again"},
		{1500, day, 0.81, ""},
		{1500, day, 0.82, "start the container again"},
		{1000, day, 1.5, "start the container again"},
		{1999, century, 0.74, ""},
		{1999, century, 0.76, "start the container again"},
	} {
		port := aged(t, one.serial, one.life, one.over)
		if err := probe("tls:"+port, false); err != nil {
			t.Errorf("%v: %v, though nobody asked for the certificate", one, err)
		}
		err := probe("tls:"+port, true)
		if (err == nil) != (one.wrong == "") || (err != nil && !strings.Contains(err.Error(), one.wrong)) {
			t.Errorf("%v: %v", one, err)
		}
	}
	if err := probe("https:"+aged(t, 1, day, 0)+"/", true); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a program that is not well is well with a new certificate: %v", err)
	}
	if err := probe("tcp:"+aged(t, 1, day, 0), true); err == nil || !strings.Contains(err.Error(), "is not") {
		t.Errorf("a port without TLS shows a certificate: %v", err)
	}
}
