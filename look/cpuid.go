package main

// cpuid runs the instruction of that name, which needs no privilege (SDM vol. 2A, CPUID).
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// Leaf is what the instruction answered for one leaf and subleaf.
type Leaf struct {
	Leaf    uint32 `json:"leaf"`
	Subleaf uint32 `json:"subleaf"`
	Eax     uint32 `json:"eax"`
	Ebx     uint32 `json:"ebx"`
	Ecx     uint32 `json:"ecx"`
	Edx     uint32 `json:"edx"`
}

const (
	features     = 0x7
	state        = 0xD
	sgx          = 0x12
	hasSgx       = 1 << 2 // leaf 7, EBX
	firstSection = 2
	mostSections = 8
	extended     = 0x80000000
	lastOfBrand  = 0x80000004
)

// leaves gives what a doctor wants to know of the CPU: who made it, its features, the state it saves, and all about SGX.
func leaves() []Leaf {
	var found []Leaf
	ask := func(leaf, subleaf uint32) Leaf {
		answer := Leaf{Leaf: leaf, Subleaf: subleaf}
		answer.Eax, answer.Ebx, answer.Ecx, answer.Edx = cpuid(leaf, subleaf)
		found = append(found, answer)
		return answer
	}
	most := ask(0, 0).Eax
	ask(1, 0)
	if most >= features && ask(features, 0).Ebx&hasSgx != 0 && most >= sgx {
		ask(sgx, 0)
		ask(sgx, 1)
		// Sections of the enclave page cache, up to the first that is none (SDM vol. 2A, table 3-8, leaf 12H).
		for section := uint32(firstSection); section < firstSection+mostSections; section++ {
			if ask(sgx, section).Eax&0xF == 0 {
				break
			}
		}
	}
	if most >= state {
		ask(state, 0)
	}
	if last := ask(extended, 0).Eax; last >= lastOfBrand {
		for leaf := uint32(extended + 2); leaf <= lastOfBrand; leaf++ {
			ask(leaf, 0)
		}
	}
	return found
}
