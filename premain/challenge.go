package main

import (
	"crypto/subtle"
	"encoding/hex"
	"fmt"
)

const challengeType = "application/vnd.caisson.challenge.v1+json"

// challenge is what the evidence must answer, and to whom.
type challenge struct {
	nonce  []byte
	server *identity
}

// openChallenge works in this order: (1) the server's key is the pinned one, (2) it signed the payload as a challenge,
// (3) only then is the payload read. When the nonce expires is the server's business; the clock here is the host's.
func openChallenge(raw, pin []byte) (*challenge, error) {
	answer := decodeMembers(raw)
	spki, envelope := answer.octets("server_key"), answer.object("envelope")
	if err := answer.done(); err != nil {
		return nil, fmt.Errorf("the challenge is malformed: %w", err)
	}
	server, err := parseIdentity(spki)
	if err != nil {
		return nil, err
	}
	// (1)
	if pin != nil && subtle.ConstantTimeCompare(pin, server.hash[:]) != 1 {
		return nil, wrong("this is not the key server that the image was built for: check `CAISSON_KEY_SERVER`",
			"the server has key `%x`, and the measured pin is `%x`", server.hash, pin)
	}
	// (2)
	payload, err := server.openEnvelope(envelope, challengeType)
	if err != nil {
		return nil, fmt.Errorf("the challenge's envelope is refused: %w", err)
	}
	// (3)
	members := decodeMembers(payload)
	members.version(1)
	members.integer("expires")
	nonce := members.octets("nonce")
	if err := members.done(); err != nil {
		return nil, fmt.Errorf("the challenge is malformed: %w", err)
	}
	if len(nonce) != 32 {
		return nil, fmt.Errorf("the challenge's nonce has %d bytes, not 32", len(nonce))
	}
	return &challenge{nonce, server}, nil
}

// runtimeData is everything that the evidence is bound to.
func (c *challenge) runtimeData(workload string, keys *guestKeys) []byte {
	return encodeCanonical(object{
		"version":           int64(1),
		"nonce":             encodeOctets(c.nonce),
		"workload":          workload,
		"hpke_public_key":   encodeOctets(keys.hpkePublic()),
		"tls_public_key":    encodeOctets(keys.tlsPublic),
		"server_key_sha256": hex.EncodeToString(c.server.hash[:]),
	})
}

func activationRequest(quote, runtimeData []byte) []byte {
	return encodeCanonical(object{
		"version":      int64(1),
		"quote":        encodeOctets(quote),
		"runtime_data": encodeOctets(runtimeData),
	})
}
