package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) { return t(request) }

// pausing is a key server on no network, so that a test of pauses can run in time that passes only while all wait.
func pausing(handler http.HandlerFunc) *keyServer {
	server := newKeyServer(must(url.Parse("https://keys.test")))
	server.client.Transport = transport(func(request *http.Request) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		handler(recorder, request)
		return recorder.Result(), nil
	})
	return server
}

// soon is time enough for many attempts, and ends a test that goes on for ever.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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
	synctest.Test(t, func(t *testing.T) {
		asked, began := 0, time.Now()
		server := pausing(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.WriteHeader([]int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusCreated}[asked-1])
		})
		if _, err := server.challenge(soon(t)); err != nil || asked != 3 || time.Since(began) > 300*time.Millisecond {
			t.Errorf("%v after %d requests and %v", err, asked, time.Since(began))
		}
	})
}

func TestAChallengeIsNotAskedForBeforeTheServerSays(t *testing.T) {
	for after, atLeast := range map[string]time.Duration{
		"1": time.Second, "0": 0, "": 0, "-1": 0, "soon": 0, "99999999999": 0, "60": maxPause,
	} {
		synctest.Test(t, func(t *testing.T) {
			asked, began := 0, time.Now()
			server := pausing(func(w http.ResponseWriter, _ *http.Request) {
				if asked++; asked > 1 {
					w.WriteHeader(http.StatusCreated)
					return
				}
				w.Header().Set("Retry-After", after)
				w.WriteHeader(http.StatusTooManyRequests)
			})
			_, err := server.challenge(soon(t))
			if waited := time.Since(began); err != nil || waited < atLeast || waited > atLeast+100*time.Millisecond {
				t.Errorf("%q: %v after %v", after, err, waited)
			}
		})
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
	synctest.Test(t, func(t *testing.T) {
		server := pausing(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := server.challenge(ctx); !isUnavailable(err) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
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
	for lateBy, answers := range map[time.Duration]bool{5 * time.Second: true, time.Hour: false} {
		synctest.Test(t, func(t *testing.T) {
			server, began := pausing(func(http.ResponseWriter, *http.Request) {}), time.Now()
			there := server.client.Transport
			server.client.Transport = transport(func(request *http.Request) (*http.Response, error) {
				if time.Since(began) < lateBy {
					return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
				}
				return there.RoundTrip(request)
			})
			_, err := server.activate(soon(t), nil)
			waited := time.Since(began)
			if answers && (err != nil || waited > lateBy+4*time.Second) {
				t.Errorf("%v after %v", err, waited)
			}
			if !answers && (!isUnavailable(err) || !strings.Contains(err.Error(), "refused") || waited != time.Minute) {
				t.Errorf("%v after %v", err, waited)
			}
		})
	}
}

func TestARefusedConnectionIsOneOnWhichNothingWasSent(t *testing.T) {
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	address := listener.Addr().String()
	listener.Close()
	_, err := newKeyServer(must(url.Parse("http://"+address))).post(t.Context(), "v1/activations", nil, http.StatusOK)
	if !isUnavailable(err) || !isUnconnected(err) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
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
