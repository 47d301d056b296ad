package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"crypto/x509"
)

// guestKeys never leave the enclave: one that the bundle is sealed to, and one for the program's TLS certificate.
type guestKeys struct {
	hpke      hpke.PrivateKey
	tls       *ecdsa.PrivateKey
	tlsPublic []byte // SubjectPublicKeyInfo, DER
}

func makeKeys() (*guestKeys, error) {
	sealing, err := hpke.MLKEM768X25519().GenerateKey()
	if err != nil {
		return nil, err
	}
	leaf, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&leaf.PublicKey)
	return &guestKeys{sealing, leaf, public}, err
}

func (k *guestKeys) hpkePublic() []byte { return k.hpke.PublicKey().Bytes() }
