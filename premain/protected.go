package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Gramine's format of encrypted files (docs/reference/protected-files.md; Gramine 1.9, common/src/protected_files).
const (
	nodeSize       = 4096
	sealSize       = 32 // a key and a tag
	dataChildren   = 96
	branchChildren = 32
	headSize       = 3072 // bytes of content in the metadata node
	pathSize       = 772
	plainSize      = 8 + 1 + 1 + 32 + 16 + 1 // magic, version, nonce, tag, flags
	secretSize     = pathSize + 8 + sealSize + headSize
	mostContent    = 1 << 40 // as much as an enclave can have
	mostBranches   = 64      // in memory
)

var protectedStart = []byte("GRAFS_PF\x02\x00")

// protectedFile reads an encrypted file from its beginning. Each block is checked before it is given out.
type protectedFile struct {
	file     io.ReaderAt
	size     int64
	root     []byte // key and tag of the tree's root
	branches map[int64][]byte
	next     int64 // data block
	pending  []byte
	left     int64
}

// openProtected opens the metadata of a file of `length` bytes, which must have been written for the path.
func openProtected(file io.ReaderAt, length int64, key []byte, path string) (*protectedFile, error) {
	node := make([]byte, nodeSize)
	if _, err := file.ReadAt(node, 0); err != nil {
		return nil, fmt.Errorf("it cannot be read: %w", origin(err))
	}
	if !bytes.HasPrefix(node, protectedStart) || node[plainSize-1] != 0 || !zeros(node[plainSize+secretSize:]) {
		return nil, errors.New("it is no encrypted file of Gramine's, version 2")
	}
	nonce, tag, sealed := node[10:42], node[42:58], node[plainSize:plainSize+secretSize]
	opened, err := openNode(append(metadataKey(key, nonce), tag...), sealed)
	if err != nil {
		return nil, errors.New("it does not open: it has another key, or was changed")
	}
	name, rest, _ := bytes.Cut(opened[:pathSize], []byte{0})
	if string(name) != path || !zeros(rest) {
		return nil, fmt.Errorf("it was written for the path %s", quoted(string(name)))
	}
	size := binary.LittleEndian.Uint64(opened[pathSize:])
	if size > mostContent || length != nodesFor(int64(size))*nodeSize {
		return nil, errors.New("it was cut off, or lengthened")
	}
	at := pathSize + 8
	p := &protectedFile{file: file, size: int64(size), root: opened[at : at+sealSize], branches: map[int64][]byte{}}
	p.left = p.size
	p.give(opened[at+sealSize:])
	return p, nil
}

// Read gives content that was checked.
func (p *protectedFile) Read(buffer []byte) (int, error) {
	if len(p.pending) == 0 {
		if p.left == 0 {
			return 0, io.EOF
		}
		by, err := p.branch(p.next / dataChildren)
		if err != nil {
			return 0, err
		}
		place := p.next % dataChildren * sealSize
		block, err := p.node(p.next+2+p.next/dataChildren, by[place:place+sealSize])
		if err != nil {
			return 0, err
		}
		p.next++
		p.give(block)
	}
	count := copy(buffer, p.pending)
	p.pending = p.pending[count:]
	return count, nil
}

// give lets a block be read, as far as the file goes.
func (p *protectedFile) give(block []byte) {
	p.pending = block[:min(int64(len(block)), p.left)]
	p.left -= int64(len(p.pending))
}

// branch gives a node of the tree; each is opened by the one above it, and the root by the metadata.
func (p *protectedFile) branch(number int64) ([]byte, error) {
	if found, there := p.branches[number]; there {
		return found, nil
	}
	by := p.root
	if number > 0 {
		above, err := p.branch((number - 1) / branchChildren)
		if err != nil {
			return nil, err
		}
		place := (dataChildren + (number-1)%branchChildren) * sealSize
		by = above[place : place+sealSize]
	}
	found, err := p.node(1+number*(1+dataChildren), by)
	if err != nil {
		return nil, err
	}
	if len(p.branches) >= mostBranches {
		clear(p.branches)
	}
	p.branches[number] = found
	return found, nil
}

func (p *protectedFile) node(place int64, by []byte) ([]byte, error) {
	sealed := make([]byte, nodeSize, nodeSize+16)
	if _, err := p.file.ReadAt(sealed, place*nodeSize); err != nil {
		return nil, fmt.Errorf("block %d cannot be read: %w", place, origin(err))
	}
	opened, err := openNode(by, sealed)
	if err != nil {
		return nil, fmt.Errorf("block %d was changed", place)
	}
	return opened, nil
}

// openNode decrypts a node by its key and its tag; the nonce is zero, for each key is used once.
func openNode(by, sealed []byte) ([]byte, error) {
	block, err := aes.NewCipher(by[:16])
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, make([]byte, gcm.NonceSize()), append(sealed[:len(sealed):len(sealed)], by[16:]...), nil)
}

// nodesFor gives how many nodes a file with so much content has.
func nodesFor(size int64) int64 {
	if size <= headSize {
		return 1
	}
	last := (size - headSize - 1) / nodeSize
	return last + 2 + last/dataChildren + 1
}

// metadataKey derives the metadata's key (NIST SP 800-108, counter mode, AES-CMAC).
func metadataKey(key, nonce []byte) []byte {
	message := binary.LittleEndian.AppendUint32(nil, 1)
	label := make([]byte, 64)
	copy(label, "SGX-PROTECTED-FS-METADATA-KEY")
	message = append(append(message, label...), nonce...)
	return cmac(key, binary.LittleEndian.AppendUint32(message, 128))
}

// cmac is AES-CMAC (RFC 4493) of a message that is not empty.
func cmac(key, message []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the bundle's keys have 16 bytes
	}
	subkey := make([]byte, 16)
	block.Encrypt(subkey, subkey)
	double(subkey)
	whole := (len(message) - 1) / 16 * 16
	last := make([]byte, 16)
	if copy(last, message[whole:]) < 16 {
		last[len(message)-whole] = 0x80
		double(subkey)
	}
	state := make([]byte, 16)
	for at := 0; at < whole; at += 16 {
		xor(state, message[at:at+16])
		block.Encrypt(state, state)
	}
	xor(state, last)
	xor(state, subkey)
	block.Encrypt(state, state)
	return state
}

// double multiplies by x in GF(2^128).
func double(value []byte) {
	carry := value[0] >> 7
	for i := range 15 {
		value[i] = value[i]<<1 | value[i+1]>>7
	}
	value[15] = value[15]<<1 ^ carry*0x87
}

func xor(into, other []byte) {
	for i := range into {
		into[i] ^= other[i]
	}
}

func zeros(part []byte) bool { return len(bytes.Trim(part, "\x00")) == 0 }
