// probe tells a container engine whether a program still answers: `probe tcp:PORT`, `probe tls:PORT` or
// `probe https:PORT/PATH`, with exit status 0 or 1. With `certificate` behind it, one whose certificate ends soon is no
// longer well: platforms that start such containers again have it get a new one in time.
//
// It runs beside the enclave and is no part of it: it holds no secret, and nobody trusts what it says. That is why it does
// not check certificates either: who is at the other end is for `caisson attest`.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"regexp"
	"time"
)

const (
	patience  = 4 * time.Second
	usage     = "probe tcp:PORT | (tls:PORT | https:PORT/PATH) [certificate]"
	mostBytes = 1 << 16
	steps     = 1000
)

var (
	target = regexp.MustCompile(`^(tcp|tls|https):([0-9]{1,5})(/[!-~]*)?$`)
	status = regexp.MustCompile(`^HTTP/1\.[01] 2[0-9][0-9] `)
)

func main() {
	ends := len(os.Args) == 3 && os.Args[2] == "certificate"
	if len(os.Args) != 2 && !ends {
		fail("usage: %s", usage)
	}
	if err := probe(os.Args[1], ends); err != nil {
		fail("%v", err)
	}
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "caisson probe: "+format+"\n", arguments...)
	os.Exit(1)
}

// probe connects to a port of this container, and says what is wrong, if anything is; a certificate that ends soon is,
// if `ends` asks for that.
func probe(text string, ends bool) error {
	found := target.FindStringSubmatch(text)
	if found == nil || (found[3] != "") != (found[1] == "https") || (ends && found[1] == "tcp") {
		return fmt.Errorf("`%.80q` is not %s", text, usage)
	}
	connection, err := (&net.Dialer{Timeout: patience}).Dial("tcp", net.JoinHostPort("127.0.0.1", found[2]))
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if found[1] == "tcp" {
		return nil
	}
	secured := tls.Client(connection, &tls.Config{InsecureSkipVerify: true})
	if err := secured.Handshake(); err != nil {
		return err
	}
	if certificate := secured.ConnectionState().PeerCertificates[0]; ends && due(certificate, time.Now()) {
		return fmt.Errorf("the certificate ends at %s: start the container again", certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	if found[1] == "tls" {
		return nil
	}
	return get(secured, found[3])
}

// due says whether a certificate is in the last part of its life, which begins between a quarter and an eighth of it before
// the end. The serial number, which is random, says where: replicas that started together are not started again together.
func due(certificate *x509.Certificate, now time.Time) bool {
	eighth := certificate.NotAfter.Sub(certificate.NotBefore) / 8
	step := new(big.Int).Mod(certificate.SerialNumber, big.NewInt(steps)).Int64()
	return now.After(certificate.NotAfter.Add(-eighth - eighth/steps*time.Duration(step)))
}

// get asks for a page, and wants a status from 200 to 299.
func get(connection io.ReadWriter, path string) error {
	if _, err := fmt.Fprintf(connection, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path); err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(connection, mostBytes)).ReadString('\n')
	if err != nil {
		return err
	}
	if !status.MatchString(line) {
		return fmt.Errorf("the answer is %.80q", line)
	}
	return nil
}
