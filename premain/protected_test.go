package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vectors gives the files that Gramine's own tool encrypted, and their content.
func protectedVectors(t testing.TB) (key []byte, encrypted, content map[string][]byte) {
	t.Helper()
	folder := filepath.Join("..", "tests", "vectors", "protected-files")
	encrypted, content = map[string][]byte{}, map[string][]byte{}
	for _, each := range must(os.ReadDir(filepath.Join(folder, "encrypted"))) {
		path := "encrypted/" + each.Name()
		encrypted[path] = must(os.ReadFile(filepath.Join(folder, path)))
		content[path] = must(os.ReadFile(filepath.Join(folder, "plain", each.Name())))
	}
	if len(encrypted) == 0 {
		t.Fatal("no vectors")
	}
	return must(os.ReadFile(filepath.Join(folder, "wrap.key"))), encrypted, content
}

func readProtected(raw, key []byte, path string) ([]byte, error) {
	file, err := openProtected(bytes.NewReader(raw), int64(len(raw)), key, path)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}

func TestWhatGramineEncryptedIsRead(t *testing.T) {
	key, encrypted, content := protectedVectors(t)
	for path, raw := range encrypted {
		if got, err := readProtected(raw, key, path); err != nil || !bytes.Equal(got, content[path]) {
			t.Errorf("%s: %d bytes of %d, %v", path, len(got), len(content[path]), err)
		}
	}
}

func TestAChangeAnywhereIsRefused(t *testing.T) {
	key, encrypted, _ := protectedVectors(t)
	for path, raw := range encrypted {
		for place := 0; place < len(raw); place += max(nodeSize, len(raw)/nodeSize/12*nodeSize) {
			for _, at := range []int{place, place + 100, place + nodeSize - 1} {
				changed := bytes.Clone(raw)
				changed[at] ^= 1
				if got, err := readProtected(changed, key, path); err == nil {
					t.Errorf("%s: a change of byte %d is not noticed (%d bytes)", path, at, len(got))
				}
			}
		}
		for name, c := range map[string]struct {
			raw, key []byte
			path     string
		}{
			"another key":  {raw, make([]byte, 16), path},
			"another path": {raw, key, path + "x"},
			"cut off":      {raw[:len(raw)-nodeSize], key, path},
			"lengthened":   {append(bytes.Clone(raw), make([]byte, nodeSize)...), key, path},
			"nothing":      {nil, key, path},
		} {
			if _, err := readProtected(c.raw, c.key, c.path); err == nil {
				t.Errorf("%s: %s is not refused", path, name)
			}
		}
	}
}

func TestSwappedBlocksAreRefused(t *testing.T) {
	key, encrypted, _ := protectedVectors(t)
	tried := 0
	for path, raw := range encrypted {
		if len(raw) < 5*nodeSize {
			continue
		}
		changed := bytes.Clone(raw)
		copy(changed[2*nodeSize:], raw[3*nodeSize:4*nodeSize])
		copy(changed[3*nodeSize:], raw[2*nodeSize:3*nodeSize])
		if _, err := readProtected(changed, key, path); err == nil {
			t.Errorf("%s: swapped blocks are not noticed", path)
		}
		tried++
	}
	if tried == 0 {
		t.Fatal("no vector is long enough")
	}
}

// RFC 4493, section 4.
func TestCMAC(t *testing.T) {
	key := unhex(t, "2b7e151628aed2a6abf7158809cf4f3c")
	message := "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
	for length, wanted := range map[int]string{
		16: "070a16b46b4d4144f79bdd9dd04a287c", 40: "dfa66747de9ae63030ca32611497c827", 64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		if got := cmac(key, unhex(t, message[:2*length])); !bytes.Equal(got, unhex(t, wanted)) {
			t.Errorf("%d bytes: %x", length, got)
		}
	}
}

// protect encrypts a short content, all of which the metadata holds.
func protect(t testing.TB, key []byte, path, content string) []byte {
	t.Helper()
	secret := make([]byte, secretSize)
	copy(secret, path)
	binary.LittleEndian.PutUint64(secret[pathSize:], uint64(len(content)))
	if copy(secret[pathSize+8+sealSize:], content) < len(content) {
		t.Fatal("too long")
	}
	nonce := []byte(strings.Repeat("n", 32))
	gcm := must(cipher.NewGCM(must(aes.NewCipher(metadataKey(key, nonce)))))
	sealed := gcm.Seal(nil, make([]byte, 12), secret, nil)
	node := append(append(bytes.Clone(protectedStart), nonce...), sealed[secretSize:]...)
	node = append(append(node, 0), sealed[:secretSize]...)
	return append(node, make([]byte, nodeSize-len(node))...)
}

func FuzzProtectedFile(f *testing.F) {
	key, encrypted, _ := protectedVectors(f)
	for path, raw := range encrypted {
		if len(raw) <= 4*nodeSize {
			f.Add(raw, path)
		}
	}
	f.Add(protect(f, key, "/p", "content"), "/p")
	f.Fuzz(func(t *testing.T, raw []byte, path string) {
		if content, err := readProtected(raw, key, path); err == nil && nodesFor(int64(len(content)))*nodeSize != int64(len(raw)) {
			t.Errorf("%d bytes out of %d", len(content), len(raw))
		}
	})
}
