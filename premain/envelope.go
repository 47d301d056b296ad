package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
)

// identity is the key server's Ed25519 key, known by the SHA-256 of its SubjectPublicKeyInfo.
type identity struct {
	key  ed25519.PublicKey
	hash [32]byte
}

func parseIdentity(spki []byte) (*identity, error) {
	parsed, err := x509.ParsePKIXPublicKey(spki)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, errors.New("the server's key is not an Ed25519 key")
	}
	// Only the one DER form counts, so that no two hashes are one key.
	if again, err := x509.MarshalPKIXPublicKey(key); err != nil || string(again) != string(spki) {
		return nil, errors.New("the server's key is not in its DER form")
	}
	return &identity{key, sha256.Sum256(spki)}, nil
}

// openEnvelope gives the payload that the server signed as payloadType (DSSE), and nothing that it did not sign.
func (server *identity) openEnvelope(envelope *members, payloadType string) ([]byte, error) {
	payload, found, signatures := envelope.octets("payload"), envelope.text("payloadType"), envelope.array("signatures")
	if err := envelope.done(); err != nil {
		return nil, err
	}
	if len(signatures) != 1 {
		return nil, fmt.Errorf("it has %d signatures, not 1", len(signatures))
	}
	only, ok := signatures[0].(object)
	if !ok {
		return nil, errors.New("its signature is no object")
	}
	signature := &members{left: only}
	keyID, value := signature.text("keyid"), signature.octets("sig")
	if err := signature.done(); err != nil {
		return nil, err
	}
	if keyID != hex.EncodeToString(server.hash[:]) {
		return nil, errors.New("it names another key than the server's")
	}
	if found != payloadType {
		return nil, fmt.Errorf("it holds %s and not `%s`", quoted(found), payloadType)
	}
	signed := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
	if !ed25519.Verify(server.key, signed, value) {
		return nil, errors.New("its signature is wrong")
	}
	return payload, nil
}
