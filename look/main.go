// look tells, as one line of JSON, what a process sees where it runs: the CPU by the CPUID instruction, who it is, and
// the devices at the paths that it is given: `look [PATH]...`.
//
// `caisson doctor` runs it on the machine, and in a container made as a program's would be: the difference between the
// two is what the engine takes away. It changes nothing.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// Sight is the line.
type Sight struct {
	Uid     int      `json:"uid"`
	Gid     int      `json:"gid"`
	Groups  []int    `json:"groups"`
	Leaves  []Leaf   `json:"leaves"`
	Devices []Device `json:"devices"`
}

func see(paths []string) Sight {
	groups, err := os.Getgroups()
	if err != nil || groups == nil {
		groups = []int{}
	}
	devices := []Device{}
	for _, path := range paths {
		devices = append(devices, device(path))
	}
	return Sight{Uid: os.Getuid(), Gid: os.Getgid(), Groups: groups, Leaves: leaves(), Devices: devices}
}

func main() {
	if err := json.NewEncoder(os.Stdout).Encode(see(os.Args[1:])); err != nil {
		fmt.Fprintf(os.Stderr, "caisson look: %v\n", err)
		os.Exit(1)
	}
}
