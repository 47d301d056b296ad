package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Operations and sizes of the software platform's socket (docs/reference/platform-socket.md).
const (
	opLaunch       = 1
	opEReport      = 2
	opQETargetInfo = 4
	opQuote        = 5

	identitySize   = 64 // MRENCLAVE and MRSIGNER
	targetInfoSize = 512
	reportSize     = 432
	sigStructSize  = 1808
	maxQuote       = 64 << 10
	maxComplaint   = 4 << 10

	// Measuring the largest enclaves takes minutes; a platform that needs longer does not answer.
	platformPatience = 5 * time.Minute
)

// platform is one connection to the software platform, which is one enclave for as long as it is open.
type platform struct {
	conn net.Conn
	stop func() bool
}

const platformHint = "start it with `caisson platform serve`, and mount its socket or set `CAISSON_PLATFORM`"

// dialPlatform connects; the connection dies with ctx, and when patience ends.
func dialPlatform(ctx context.Context, s *settings) (*platform, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, s.platformNet, s.platformAddr)
	if err != nil {
		return nil, unavailable(platformHint, "the software platform at %s cannot be reached: %v",
			quoted(s.platformNet+":"+s.platformAddr), origin(err))
	}
	if err := conn.SetDeadline(time.Now().Add(platformPatience)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &platform{conn, context.AfterFunc(ctx, func() { conn.Close() })}, nil
}

func (p *platform) close() {
	p.stop()
	p.conn.Close()
}

// launch has the platform build, measure and start the enclave that the SIGSTRUCT is for.
func (p *platform) launch(pal io.Reader, palSize int, manifest, sigStruct []byte) error {
	if len(sigStruct) != sigStructSize {
		return wrong("", "the SIGSTRUCT has %d bytes, not %d", len(sigStruct), sigStructSize)
	}
	total := 4 + palSize + 4 + len(manifest) + len(sigStruct)
	head := append([]byte{opLaunch}, binary.LittleEndian.AppendUint32(nil, uint32(total))...)
	head = binary.LittleEndian.AppendUint32(head, uint32(palSize))
	if _, err := p.conn.Write(head); err != nil {
		return p.broken(err)
	}
	// On a socket and a file this is sendfile: the program's own bytes never enter its memory again.
	if _, err := io.CopyN(p.conn, pal, int64(palSize)); err != nil {
		return p.broken(err)
	}
	tail := binary.LittleEndian.AppendUint32(nil, uint32(len(manifest)))
	tail = append(append(tail, manifest...), sigStruct...)
	if _, err := p.conn.Write(tail); err != nil {
		return p.broken(err)
	}
	_, err := p.answer(identitySize, identitySize)
	return err
}

// quote gives a quote over the report data: the quoting enclave says who it is, the enclave reports to it, and it signs.
func (p *platform) quote(reportData [64]byte) ([]byte, error) {
	target, err := p.ask(opQETargetInfo, nil, targetInfoSize, targetInfoSize)
	if err != nil {
		return nil, err
	}
	report, err := p.ask(opEReport, append(target, reportData[:]...), reportSize, reportSize)
	if err != nil {
		return nil, err
	}
	return p.ask(opQuote, report, 1, maxQuote)
}

func (p *platform) ask(operation byte, payload []byte, least, most int) ([]byte, error) {
	frame := binary.LittleEndian.AppendUint32([]byte{operation}, uint32(len(payload)))
	if _, err := p.conn.Write(append(frame, payload...)); err != nil {
		return nil, p.broken(err)
	}
	return p.answer(least, most)
}

func (p *platform) answer(least, most int) ([]byte, error) {
	payload, refusal, err := readAnswer(p.conn, least, most)
	if err != nil {
		return nil, p.broken(err)
	}
	if refusal != "" {
		return nil, wrong("", "the software platform says no: %s", plain(refusal))
	}
	return payload, nil
}

func (p *platform) broken(err error) error {
	return unavailable("see the platform's own log", "the software platform does not answer as it should: %v", origin(err))
}

// readAnswer reads one frame: the payload of a success, or the text of a refusal. It keeps at most what it asked for.
func readAnswer(from io.Reader, least, most int) (payload []byte, refusal string, err error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return nil, "", err
	}
	size := int64(binary.LittleEndian.Uint32(head[1:]))
	if head[0] != 0 {
		text, err := io.ReadAll(io.LimitReader(from, min(size, maxComplaint)))
		if err == nil && len(text) == 0 {
			text = fmt.Appendf(nil, "status %d", head[0])
		}
		return nil, string(text), err
	}
	if size < int64(least) || size > int64(most) {
		return nil, "", fmt.Errorf("the answer has %d bytes", size)
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(from, payload)
	return payload, "", err
}
