package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
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
		err := probe(text)
		switch {
		case wrong == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)):
			t.Errorf("%q: %v, not %q", text, err, wrong)
		}
	}
}
