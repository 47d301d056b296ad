package main

import (
	"maps"
	"strings"
	"testing"
)

const goodManifest = `# of a test
[libos]
entrypoint = "/.caisson/premain"

[loader]
argv = ["premain", "/bin/app", "app", "--port", "0"]
uid = 5
gid = 6

[loader.env]
PATH = "/bin"
CAISSON_RUNTIME = "native"

[loader.env.TZ]
passthrough = true

[loader.env.LANG]
passthrough = false

[fs]
start_dir = "/data"

[[fs.mounts]]
type = "tmpfs"
path = "/run/caisson"

[sgx]
debug = false

[[sgx.trusted_files]]
uri = "file:/bin/app"
sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
`

func TestAManifestIsRead(t *testing.T) {
	m, err := parseManifest(goodManifest)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(m.argv, " ") != "premain /bin/app app --port 0" || m.uid != 5 || m.gid != 6 ||
		m.startDir != "/data" || len(m.tmpfs) != 1 || m.tmpfs[0] != "/run/caisson" ||
		len(m.trustedFiles) != 1 || m.trustedFiles[0].path != "/bin/app" || m.trustedFiles[0].sha256[0] != 0xe3 {
		t.Errorf("%+v", m)
	}
}

func TestTheProgramSeesWhatTheManifestSaysAndNothingElse(t *testing.T) {
	m, err := parseManifest(goodManifest)
	if err != nil {
		t.Fatal(err)
	}
	outside := environment([]string{"TZ=UTC", "TZ=second", "LANG=C", "PATH=/evil", "LD_PRELOAD=/evil.so", "odd"})
	want := map[string]string{"PATH": "/bin", "CAISSON_RUNTIME": "native", "TZ": "UTC"}
	if found := m.effective(outside); !maps.Equal(found, want) {
		t.Errorf("%v", found)
	}
}

func TestAManifestWithOneFaultIsRefused(t *testing.T) {
	for name, change := range map[string][2]string{
		"argv with a number":         {`"premain", `, `1, `},
		"argv with a NUL":            {`"--port"`, `"\u0000"`},
		"argv that is text":          {`["premain", "/bin/app", "app", "--port", "0"]`, `"premain"`},
		"no argv":                    {"argv =", "args ="},
		"negative user":              {"uid = 5", "uid = -1"},
		"the user that means none":   {"uid = 5", "uid = 4294967295"},
		"group that is text":         {"gid = 6", `gid = "6"`},
		"variable with a NUL":        {`PATH = "/bin"`, `PATH = "\u0000"`},
		"variable that is a number":  {`PATH = "/bin"`, `PATH = 1`},
		"variable with a minus":      {`PATH =`, `PA-TH =`},
		"passthrough that is text":   {"passthrough = true", `passthrough = "true"`},
		"passthrough and a value":    {"passthrough = true", "passthrough = true\nvalue = \"x\""},
		"relative start directory":   {`"/data"`, `"data"`},
		"start directory with dots":  {`"/data"`, `"/data/.."`},
		"mount without a path":       {`path = "/run/caisson"`, ``},
		"mount with a relative path": {`"/run/caisson"`, `"run/caisson"`},
		"mounts that are no tables":  {"[[fs.mounts]]\ntype = \"tmpfs\"\npath = \"/run/caisson\"", "mounts = []"},
		"trusted file elsewhere":     {`"file:/bin/app"`, `"dev:/bin/app"`},
		"trusted file with dots":     {`"file:/bin/app"`, `"file:/bin/../app"`},
		"trusted file without hash":  {`sha256 =`, `sha512 =`},
		"short hash":                 {`55"`, `"`},
		"hash in capitals":           {`e3b0`, `E3B0`},
		"no trusted files":           {"[[sgx.trusted_files]]", "[[sgx.allowed_files]]"},
		"loader that is a value":     {"[loader]\nargv", "[other]\nargv"},
	} {
		changed := strings.Replace(goodManifest, change[0], change[1], 1)
		if changed == goodManifest {
			t.Fatalf("%s changes nothing", name)
		}
		if _, err := parseManifest(changed); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	good := map[string]string{
		"CAISSON_KEY_SERVER": "https://keys.example:8443/base", "CAISSON_WORKLOAD": "redis",
		"CAISSON_PLATFORM": "tcp:[::1]:9000", "CAISSON_TIMEOUT": "5",
		"CAISSON_KEY_SERVER_PIN": strings.Repeat("ab", 32),
	}
	s, err := readSettings(good)
	if err != nil || s.platformNet != "tcp" || s.platformAddr != "[::1]:9000" || s.timeout.Seconds() != 5 || len(s.pin) != 32 {
		t.Fatalf("%+v %v", s, err)
	}
	for name, values := range map[string][]string{
		"CAISSON_KEY_SERVER": {"", "keys.example", "ftp://keys.example", "https://", "https://u:p@keys.example",
			"https://keys.example?x", "https://keys.example#x", "https://keys.example:port", "unix:/x"},
		"CAISSON_WORKLOAD":        {"", "Redis", "-redis", "redis-", "a/b", strings.Repeat("a", 64), "redis\n"},
		"CAISSON_PLATFORM":        {"", "unix:relative", "tcp:host", "udp:host:1", "/run/x"},
		"CAISSON_TIMEOUT":         {"", "0", "-1", "3601", "1.5", "ten"},
		"CAISSON_KEY_SERVER_PIN":  {"", "ab", strings.Repeat("zz", 32), strings.Repeat("ab", 33)},
		"CAISSON_TLS_KEY":         {"/run/caisson/key.pem"},
		"CAISSON_TLS_CERTIFICATE": {"/run/caisson/chain.pem"},
	} {
		for _, value := range values {
			env := maps.Clone(good)
			env[name] = value
			if _, err := readSettings(env); err == nil {
				t.Errorf("%s=%q is accepted", name, value)
			}
		}
	}
}
