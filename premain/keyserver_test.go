package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func serverOf(t testing.TB, handler http.HandlerFunc) *keyServer {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return newKeyServer(must(url.Parse(server.URL + "/base")))
}

func TestRequestsAreThoseOfTheProtocol(t *testing.T) {
	server := serverOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.Path != "/base/v1/challenges" || r.TLS.Version != 0x304 {
			t.Errorf("%s %s %x", r.Method, r.URL, r.TLS.Version)
		}
		w.WriteHeader(http.StatusCreated)
		w.Write([]byte("answer"))
	})
	if answer, err := server.challenge(soon(t)); err != nil || string(answer) != "answer" {
		t.Errorf("%q %v", answer, err)
	}
}

func TestARefusalIsFinalAndTellsTheServersWords(t *testing.T) {
	for status, words := range map[int]string{
		400: `{"error":{"code":"malformed","hint":"","message":"no\u000aerror: forged"},"version":1}`,
		403: `{"error":{"code":"policy-rejected","hint":"for operators","message":"mrenclave"},"version":1}`,
		404: `not the protocol's form`,
		302: `elsewhere`,
		200: `the wrong success`,
	} {
		var asked atomic.Int32
		server := serverOf(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			w.Write([]byte(words))
		})
		_, err := server.challenge(soon(t))
		if err == nil || isUnavailable(err) || asked.Load() != 1 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%d: %v after %d requests", status, err, asked.Load())
		}
		if status == 403 && !strings.HasSuffix(err.Error(), "policy-rejected: mrenclave") {
			t.Errorf("%v", err)
		}
	}
}

func TestAChallengeIsAskedForUntilThereIsOne(t *testing.T) {
	var asked atomic.Int32
	server := serverOf(t, func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			w.WriteHeader(http.StatusCreated)
		}
	})
	if _, err := server.challenge(soon(t)); err != nil || asked.Load() != 3 {
		t.Errorf("%v after %d requests", err, asked.Load())
	}
}

func TestAChallengeIsNotAskedForBeforeTheServerSays(t *testing.T) {
	for after, atLeast := range map[string]time.Duration{"1": time.Second, "0": 0, "": 0, "-1": 0, "soon": 0, "99999999999": 0} {
		var asked atomic.Int32
		server := serverOf(t, func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) > 1 {
				w.WriteHeader(http.StatusCreated)
				return
			}
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		_, err := server.challenge(ctx)
		if waited := time.Since(began); err != nil || waited < atLeast || waited > atLeast+500*time.Millisecond {
			t.Errorf("%q: %v after %v", after, err, waited)
		}
	}
}

func TestAPauseHasALimit(t *testing.T) {
	for after, expected := range map[string]time.Duration{"9": 9 * time.Second, "60": maxPause, "4294967295": maxPause} {
		if found := retryAfter(&http.Response{Header: http.Header{"Retry-After": {after}}}); found != expected {
			t.Errorf("%q: %v", after, found)
		}
	}
}

func TestTheTimeEndsDuringAPauseThatTheServerAskedFor(t *testing.T) {
	server := serverOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	began := time.Now()
	if _, err := server.challenge(soon(t)); !isUnavailable(err) || time.Since(began) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestAnActivationIsSentOnce(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"no verdict": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"cut off":    func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		var asked atomic.Int32
		server := serverOf(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			handler(w, r)
		})
		if _, err := server.activate(soon(t), nil); !isUnavailable(err) || asked.Load() != 1 {
			t.Errorf("%s: %v after %d requests", name, err, asked.Load())
		}
	}
}

func TestAServerThatStartsLateIsWaitedFor(t *testing.T) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	address := listener.Addr().String()
	listener.Close()
	server := newKeyServer(must(url.Parse("http://" + address)))
	began := time.Now()
	if _, err := server.activate(soon(t), nil); !isUnavailable(err) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
	if waited := time.Since(began); waited < 500*time.Millisecond || waited > 5*time.Second {
		t.Errorf("waited for %v", waited)
	}
}

func TestAnAnswerHasALimit(t *testing.T) {
	server := serverOf(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, maxBody+1)) })
	if _, err := server.activate(soon(t), nil); err == nil || isUnavailable(err) {
		t.Errorf("%v", err)
	}
}

func TestTheHostsProxyIsNotAsked(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	server := serverOf(t, func(http.ResponseWriter, *http.Request) {})
	if _, err := server.activate(soon(t), nil); err != nil {
		t.Error(err)
	}
}
