package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestTheCpuSaysWhoMadeItAsTheKernelDoes(t *testing.T) {
	known, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip("no /proc/cpuinfo")
	}
	first := leaves()[0]
	var name []byte
	for _, part := range []uint32{first.Ebx, first.Edx, first.Ecx} {
		name = binary.LittleEndian.AppendUint32(name, part)
	}
	if !bytes.Contains(known, name) {
		t.Errorf("%q made this CPU, says the instruction; the kernel knows better", name)
	}
}

func TestTheKernelsDeviceAnswersAsTheInstructionDoes(t *testing.T) {
	kernel, err := os.Open("/dev/cpu/0/cpuid")
	if err != nil {
		t.Skip("no /dev/cpu/0/cpuid that can be read")
	}
	defer kernel.Close()
	for _, leaf := range leaves() {
		if leaf.Leaf == 1 || leaf.Leaf == state {
			continue // the first tells the core it runs on, the second what is switched on for it
		}
		var raw [16]byte
		if _, err := kernel.ReadAt(raw[:], int64(leaf.Subleaf)<<32|int64(leaf.Leaf)); err != nil {
			t.Skipf("leaf %x cannot be read: %v", leaf.Leaf, err)
		}
		for at, register := range []uint32{leaf.Eax, leaf.Ebx, leaf.Ecx, leaf.Edx} {
			if told := binary.LittleEndian.Uint32(raw[4*at:]); told != register {
				t.Errorf("leaf %x, register %d: %x, and %x says the kernel", leaf.Leaf, at, register, told)
			}
		}
	}
}

func TestOneLeafIsAskedOnce(t *testing.T) {
	seen := map[[2]uint32]bool{}
	for _, leaf := range leaves() {
		key := [2]uint32{leaf.Leaf, leaf.Subleaf}
		if seen[key] {
			t.Errorf("leaf %x.%x twice", leaf.Leaf, leaf.Subleaf)
		}
		seen[key] = true
	}
}

func TestDevicesAreToldApart(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	for path, kind := range map[string]string{
		"/dev/null": "character", plain: "other", filepath.Dir(plain): "other",
		plain + ".none": "absent", plain + "/below": "hidden",
	} {
		if found := device(path); found.Kind != kind || found.Opened != (kind == "character") {
			t.Errorf("%s: %+v, not %s", path, found, kind)
		}
	}
	if found := device(plain); found.Mode != 0o640 || int(found.Uid) != os.Getuid() {
		t.Errorf("%+v", found)
	}
}

func TestWhatMayNotBeOpenedSaysWhy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device")
	// No driver has this number.
	if err := syscall.Mknod(path, syscall.S_IFCHR|0o600, 4095<<8); err != nil {
		t.Skip("devices can be made by root only")
	}
	if found := device(path); found.Opened || !strings.Contains(found.Refusal, "no such device") {
		t.Errorf("%+v", found)
	}
}
