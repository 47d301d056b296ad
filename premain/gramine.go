package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// attestationDevice is where Gramine's LibOS offers attestation and keys to the program inside.
const attestationDevice = "/dev/attestation"

// gramineQuote has the CPU and Gramine's quoting enclave vouch for the report data.
func gramineQuote(device string, reportData [64]byte) ([]byte, error) {
	kind, err := os.ReadFile(filepath.Join(device, "attestation_type"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wrong("the container needs `/dev/sgx_enclave`, and the image Gramine's SGX loader (`gramine-direct` has no evidence)",
			"%s is not there: this is no SGX enclave", quoted(device))
	}
	if err != nil {
		return nil, wrong("", "the attestation type cannot be read: %v", origin(err))
	}
	if found := strings.TrimRight(string(kind), "\x00\n"); found != "dcap" {
		return nil, wrong("the manifest has to say `sgx.remote_attestation = \"dcap\"`",
			"Gramine offers attestation of type %s and not `dcap`", quoted(found))
	}
	if err := writeOnce(filepath.Join(device, "user_report_data"), reportData[:]); err != nil {
		return nil, wrong("", "Gramine does not take the report data: %v", origin(err))
	}
	quote, err := os.ReadFile(filepath.Join(device, "quote"))
	if err != nil {
		return nil, unavailable("see whether aesmd runs on the host and reaches a provisioning service",
			"Gramine gives no quote: %v", origin(err))
	}
	if len(quote) == 0 || len(quote) > maxQuote {
		return nil, wrong("", "Gramine gives a quote of %d bytes", len(quote))
	}
	return quote, nil
}

// gramineKey hands a key to the encrypted mounts that name it.
func gramineKey(device, name string, key []byte) error {
	return writeOnce(filepath.Join(device, "keys", name), key)
}

// writeOnce writes everything with a single call, as Gramine's pseudo files require, and makes no file.
func writeOnce(where string, content []byte) error {
	fd, err := syscall.Open(where, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	written, err := syscall.Write(fd, content)
	if err == nil && written != len(content) {
		err = syscall.EIO
	}
	return errors.Join(err, syscall.Close(fd))
}
