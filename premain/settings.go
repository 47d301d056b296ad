package main

import (
	"encoding/hex"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// settings come from the program's environment. What an attacker may lie about is passed through from outside;
// what must hold is measured (docs/reference/image.md).
type settings struct {
	keyServer      *url.URL
	workload       string
	platformNet    string // "unix" or "tcp"
	platformAddr   string
	pin            []byte // SHA-256 of the server's identity key, or nil: any server
	tlsCertificate string // where the program expects its chain and its key, or neither
	tlsKey         string
	timeout        time.Duration
}

var workloadName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func readSettings(env map[string]string) (*settings, error) {
	s := &settings{
		workload:       env["CAISSON_WORKLOAD"],
		tlsCertificate: env["CAISSON_TLS_CERTIFICATE"],
		tlsKey:         env["CAISSON_TLS_KEY"],
		timeout:        30 * time.Second,
	}
	if !workloadName.MatchString(s.workload) {
		return nil, wrong("set `CAISSON_WORKLOAD` to the name of a workload on the key server",
			"`CAISSON_WORKLOAD` is %s, which can be no workload", quoted(s.workload))
	}
	if (s.tlsCertificate == "") != (s.tlsKey == "") {
		return nil, wrong("", "only one of `CAISSON_TLS_CERTIFICATE` and `CAISSON_TLS_KEY` is set")
	}
	for _, read := range []func(map[string]string) error{s.readKeyServer, s.readPin, s.readPlatform, s.readTimeout} {
		if err := read(env); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *settings) readKeyServer(env map[string]string) error {
	const hint = "set `CAISSON_KEY_SERVER` to a URL such as `https://keys.example:8443`"
	written := env["CAISSON_KEY_SERVER"]
	if written == "" {
		return wrong(hint, "`CAISSON_KEY_SERVER` is not set")
	}
	parsed, err := url.Parse(written)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Hostname() == "" ||
		parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
		return wrong(hint, "`CAISSON_KEY_SERVER` is not the URL of a server")
	}
	s.keyServer = parsed
	return nil
}

// readPin reads the measured pin. An empty one is a mistake and not the absence of one.
func (s *settings) readPin(env map[string]string) error {
	written, pinned := env["CAISSON_KEY_SERVER_PIN"]
	if !pinned {
		return nil
	}
	pin, err := hex.DecodeString(written)
	if err != nil || len(pin) != 32 {
		return wrong("build the image again with the pin that the key server prints",
			"`CAISSON_KEY_SERVER_PIN` is not 64 hexadecimal digits")
	}
	s.pin = pin
	return nil
}

func (s *settings) readPlatform(env map[string]string) error {
	written, set := env["CAISSON_PLATFORM"]
	if !set {
		written = "unix:/run/caisson/platform.sock"
	}
	s.platformNet, s.platformAddr, _ = strings.Cut(written, ":")
	switch {
	case s.platformNet == "unix" && strings.HasPrefix(s.platformAddr, "/"):
	case s.platformNet == "tcp" && strings.Contains(s.platformAddr, ":"):
	default:
		return wrong("", "`CAISSON_PLATFORM` is neither `unix:PATH` nor `tcp:HOST:PORT`")
	}
	return nil
}

func (s *settings) readTimeout(env map[string]string) error {
	written, set := env["CAISSON_TIMEOUT"]
	if !set {
		return nil
	}
	seconds, err := strconv.ParseUint(written, 10, 16)
	if err != nil || seconds < 1 || seconds > 3600 {
		return wrong("", "`CAISSON_TIMEOUT` is not a number of seconds from 1 to 3600")
	}
	s.timeout = time.Duration(seconds) * time.Second
	return nil
}

// environment splits what the operating system gave; of two variables of one name the first counts, as in C.
func environment(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, item := range list {
		name, value, _ := strings.Cut(item, "=")
		if _, there := env[name]; !there {
			env[name] = value
		}
	}
	return env
}

// effective gives the environment of the program: measured variables, and those that the manifest lets through.
func (m *manifest) effective(outside map[string]string) map[string]string {
	env := make(map[string]string, len(m.env)+len(m.passthrough))
	for name := range m.passthrough {
		if value, there := outside[name]; there {
			env[name] = value
		}
	}
	for name, value := range m.env {
		env[name] = value
	}
	return env
}
