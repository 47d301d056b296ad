// A service in Go: `service PORT KEYFILE`.
//
// GET /healthz answers `ok`; POST /seal answers the HMAC-SHA256 of the body, in hex, under the key in KEYFILE. TLS 1.2 or
// newer only; a request has at most 64 KiB and ten seconds.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	mostBody = 64 << 10
	patience = 10 * time.Second
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: service PORT KEYFILE")
	}
	key, err := os.ReadFile(os.Args[2])
	if err != nil || len(key) == 0 {
		log.Fatal("the key cannot be read")
	}
	routes := http.NewServeMux()
	routes.HandleFunc("/healthz", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprintln(answer, "ok") })
	routes.HandleFunc("/seal", func(answer http.ResponseWriter, request *http.Request) { seal(answer, request, key) })
	server := &http.Server{
		Addr:         ":" + os.Args[1],
		Handler:      routes,
		ReadTimeout:  patience,
		WriteTimeout: patience,
		TLSConfig:    &tls.Config{MinVersion: tls.VersionTLS12},
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	ended := make(chan struct{})
	go func() {
		endings, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		<-endings.Done()
		last, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		server.Shutdown(last)
		close(ended)
	}()
	err = server.ListenAndServeTLS("/run/caisson/tls/certificate.pem", "/run/caisson/tls/key.pem")
	if !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-ended
}

func seal(answer http.ResponseWriter, request *http.Request, key []byte) {
	if request.Method != http.MethodPost {
		http.Error(answer, "only POST is taken", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(answer, request.Body, mostBody))
	if err != nil {
		http.Error(answer, "at most 65536 bytes are taken", http.StatusRequestEntityTooLarge)
		return
	}
	code := hmac.New(sha256.New, key)
	code.Write(body)
	fmt.Fprintf(answer, "%x\n", code.Sum(nil))
}
