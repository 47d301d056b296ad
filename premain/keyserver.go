package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	maxBody  = 1 << 20
	maxPause = 10 * time.Second // of those that a server asks for: who knows whether it is right
)

// keyServer speaks the two requests of the activation protocol (docs/reference/protocol.md).
type keyServer struct {
	base   *url.URL
	client *http.Client
}

const (
	reachHint = "check `CAISSON_KEY_SERVER`, and that the key server runs and can be reached from this container"
	logHint   = "the key server's log and audit say why"
)

func newKeyServer(base *url.URL) *keyServer {
	transport := &http.Transport{
		// The certificate is not checked on purpose (docs/adr/0002): there is no root store here that the host could not
		// have changed, nothing that is sent is secret, and nothing that comes back is believed without the signature of
		// the pinned identity key and the seal to this guest's own key. TLS only hides who asks whom.
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13},
		Proxy:                  nil, // the environment is the host's
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		MaxConnsPerHost:        1,
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &keyServer{base, &http.Client{Transport: transport, CheckRedirect: stay}}
}

// challenge asks for a challenge, again and again until the server gives one or refuses, or the time is over.
func (k *keyServer) challenge(ctx context.Context) ([]byte, error) {
	return persist(ctx, isUnavailable, func() ([]byte, error) {
		attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		return k.post(attempt, "v1/challenges", encodeCanonical(object{"version": int64(1)}), http.StatusCreated)
	})
}

// activate asks for the bundle. The nonce is good for one attempt: only what surely never arrived is sent again.
func (k *keyServer) activate(ctx context.Context, request []byte) ([]byte, error) {
	return persist(ctx, isUnconnected, func() ([]byte, error) {
		return k.post(ctx, "v1/activations", request, http.StatusOK)
	})
}

func isUnconnected(err error) bool {
	network, ok := errors.AsType[*net.OpError](err)
	return ok && network.Op == "dial"
}

// persist repeats an attempt whose error allows it, with growing pauses, or those that it asks for, until ctx ends.
func persist(ctx context.Context, again func(error) bool, attempt func() ([]byte, error)) ([]byte, error) {
	var last error
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		answer, err := attempt()
		if err == nil || !again(err) {
			return answer, err
		}
		if last == nil || ctx.Err() == nil {
			last = err // and not that the time ran out
		}
		// A little chance keeps a fleet that starts together from asking together.
		select {
		case <-time.After(max(pause/2, askedPause(err)) + rand.N(pause)):
		case <-ctx.Done():
			return nil, last
		}
	}
}

func askedPause(err error) time.Duration {
	if found, ok := errors.AsType[*failure](err); ok {
		return found.after
	}
	return 0
}

func (k *keyServer) post(ctx context.Context, path string, body []byte, success int) ([]byte, error) {
	where := k.base.JoinPath(path).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, where, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "caisson-premain")
	response, err := k.client.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, unreachable(err)
	case len(answer) > maxBody:
		return nil, wrong("", "the key server's answer is larger than 1 MiB")
	case response.StatusCode == success:
		return answer, nil
	case response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests:
		message := "the key server gives no verdict: " + refusal(response, answer)
		return nil, &failure{message: message, hint: logHint, unavailable: true, after: retryAfter(response)}
	}
	return nil, wrong(logHint, "the key server says no: %s", refusal(response, answer))
}

// retryAfter gives the pause that an answer asks for, in seconds (RFC 9110, 10.2.3); a date is ignored.
func retryAfter(response *http.Response) time.Duration {
	seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxPause)
}

// unreachable keeps the network's error, but for the URL that net/http repeats in it.
func unreachable(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	message := "the key server cannot be reached: " + plain(err.Error())
	return &failure{message: message, hint: reachHint, unavailable: true, cause: err}
}

// refusal gives the server's own words, if it said them in the protocol's form.
func refusal(response *http.Response, answer []byte) string {
	m := decodeMembers(answer)
	m.version(1)
	inner := m.object("error")
	code, message := inner.text("code"), inner.text("message")
	inner.text("hint") // meant for operators
	if m.done() != nil || inner.done() != nil {
		return fmt.Sprintf("status %d", response.StatusCode)
	}
	return plain(code) + ": " + plain(message)
}
