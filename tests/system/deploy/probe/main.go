// probe stands in for a program in an enclave: it tells what it was given, in one line of JSON, and waits.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func open(path string) string {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Sprint(err.(*os.PathError).Err)
	}
	file.Close()
	return "opened"
}

// mappable tells whether what lies at a path may be mapped as code, as an enclave is.
func mappable(path string) bool {
	const noExec = 0x8 // ST_NOEXEC of statfs(2)
	var mount syscall.Statfs_t
	return syscall.Statfs(path, &mount) == nil && mount.Flags&noExec == 0
}

func status(name string) string {
	text, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(text), "\n") {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func main() {
	aesmd := "none"
	if conn, err := net.Dial("unix", "/var/run/aesmd/aesm.socket"); err == nil {
		aesmd = "answers"
		conn.Close()
	}
	groups, _ := os.Getgroups()
	hostname, _ := os.Hostname()
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"enclave": open("/dev/sgx_enclave"), "provision": open("/dev/sgx_provision"), "other": open("/dev/mem"), "aesmd": aesmd,
		"mappable": mappable("/dev/sgx_enclave"),
		"uid":      os.Getuid(), "gid": os.Getgid(), "groups": groups, "capabilities": status("CapBnd"),
		"no_new_privileges": status("NoNewPrivs"), "root": fmt.Sprint(os.WriteFile("/written", nil, 0o600)),
		"key_server": os.Getenv("CAISSON_KEY_SERVER"), "version": os.Getenv("VERSION"), "host": hostname,
	})
	if listener, err := net.Listen("tcp", ":8080"); err == nil {
		go http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(answer, os.Getenv("VERSION"))
		}))
	}
	ending := make(chan os.Signal, 1)
	signal.Notify(ending, syscall.SIGTERM)
	<-ending
}
