package main

import (
	"context"
	"crypto/sha512"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// world is what premain touches outside itself, so that tests can put another one in its place.
type world struct {
	args        []string
	environ     []string
	image       string // the directory of the manifest and the SIGSTRUCT
	executable  string
	attestation string // Gramine's pseudo files
	isTmpfs     func(fd int) error
	exec        func(path string, argv, env []string) error
	stderr      io.Writer
}

// guest is one start of a container, step by step.
type guest struct {
	world
	inLibOS     bool
	direct      bool // inside a library OS without an enclave: only the software platform can vouch for it
	env         map[string]string
	manifestRaw []byte
	manifest    *manifest // nil inside an enclave, which measured and enforces it
	settings    *settings
	program     program
	files       *ledger
	core        coreLimit

	platform    *platform
	server      *keyServer
	challenge   *challenge
	challenged  time.Time
	keys        *guestKeys
	runtimeData []byte
	reportData  [64]byte
	quote       []byte
	sealed      []byte
	bundle      *bundle
}

// step is one part of the way, by the name and the exit status that its failure has. One that is `beside` the step before
// it needs nothing of it; there is no evidence before all of them have ended well.
type step struct {
	name   string
	status int
	run    func(context.Context, *guest) error
	beside bool
}

const after, beside = false, true

// The whole way. docs/reference/premain.md explains each step and its status.
var steps = []step{
	{"configuration", 81, recogniseRuntime, after},
	{"manifest", 82, readManifest, after},
	{"configuration", 81, configure, after},
	{"trusted files", 83, checkFiles, after},
	{"launch", 84, launch, beside},
	{"challenge", 85, getChallenge, beside},
	{"keys", 86, getKeys, beside},
	{"challenge", 85, renewChallenge, after},
	{"quote", 87, getQuote, after},
	{"activation", 88, activate, after},
	{"bundle", 89, getBundle, after},
	{"apply", 90, apply, after},
	{"exec", 91, start, after},
}

// freshness is how long a challenge may wait for the steps beside it: its nonce is good for a minute, and an idle
// connection to the key server for five seconds.
const freshness = 3 * time.Second

// recogniseRuntime tells the runtimes apart by the arguments. A library OS starts premain with the measured ones, which
// name the program; on the native runtime there are none, and what the host adds is refused.
func recogniseRuntime(_ context.Context, g *guest) error {
	outside := environment(g.environ)
	if len(g.args) <= 1 {
		g.core = forbidDumps()
		return nil
	}
	switch outside["CAISSON_RUNTIME"] {
	case "gramine":
		g.inLibOS, g.env = true, outside
	case "gramine-direct":
		g.inLibOS, g.direct = true, true
	default:
		return wrong("the program's arguments belong into the recipe, where they are measured", "premain takes no arguments")
	}
	return nil
}

// readManifest reads the measured manifest where the library OS has not done it: on the native runtime, and under
// gramine-direct, which follows another one that nobody measures.
func readManifest(_ context.Context, g *guest) error {
	if g.inLibOS && !g.direct {
		return nil
	}
	where := filepath.Join(g.image, "app.manifest.sgx")
	var err error
	if g.manifestRaw, err = os.ReadFile(where); err != nil {
		return wrong("", "%s cannot be read: %v", quoted(where), origin(err))
	}
	if g.manifest, err = parseManifest(string(g.manifestRaw)); err != nil {
		return wrong("", "%s is refused: %v", quoted(where), err)
	}
	if err := g.fitsRuntime(); err != nil {
		return err
	}
	g.env = g.manifest.effective(environment(g.environ))
	return nil
}

// fitsRuntime requires that the image was built for the runtime that it was started with.
func (g *guest) fitsRuntime() error {
	found := g.manifest.env["CAISSON_RUNTIME"]
	switch {
	case g.direct && found != "gramine":
		return wrong("start it without Gramine", "the image is built for runtime %s", quoted(found))
	case !g.direct && found != "native":
		return wrong("start it with Gramine's loader and not by itself", "the image is built for runtime %s", quoted(found))
	case !g.direct && len(g.manifest.encrypted) > 0:
		return wrong("", "%s is an encrypted mount, which the `native` runtime cannot keep", quoted(g.manifest.encrypted[0]))
	}
	return nil
}

func configure(_ context.Context, g *guest) error {
	var err error
	if g.settings, err = readSettings(g.env); err != nil {
		return err
	}
	arguments := g.args
	switch {
	case g.direct:
		if g.settings.platformNet != "tcp" {
			return wrong("set `CAISSON_PLATFORM` to `tcp:HOST:PORT`, and start the platform with `--tcp`",
				"a Unix socket of the host is out of reach under gramine-direct")
		}
		arguments, g.files.mounts = g.manifest.argv, g.manifest.tmpfs
	case g.inLibOS:
		// A manifest cannot be read from inside, so a measured variable repeats its tmpfs mounts.
		if listed := g.env["CAISSON_TMPFS"]; listed != "" {
			g.files.mounts = strings.Split(listed, ":")
		}
	default:
		arguments, g.files.mounts, g.files.isTmpfs = g.manifest.argv, g.manifest.tmpfs, g.isTmpfs
		if err := g.chooseUser(); err != nil {
			return err
		}
	}
	if g.program, err = parseProgram(arguments); err != nil {
		return err
	}
	for _, where := range []string{g.settings.tlsCertificate, g.settings.tlsKey} {
		if where != "" && !g.files.contains(where) {
			return fmt.Errorf("%s does not lie below a tmpfs mount of the measured manifest", quoted(where))
		}
	}
	return g.files.checkMounts()
}

// chooseUser holds the container to the measured user: root becomes that user before the program starts.
func (g *guest) chooseUser() error {
	wanted := owner{g.manifest.uid, g.manifest.gid}
	switch {
	case os.Geteuid() == wanted.uid && os.Getegid() == wanted.gid:
		return nil
	case os.Geteuid() != 0:
		return wrong("start the container without `--user`", "the container runs as %d:%d, and the measured user is %d:%d",
			os.Geteuid(), os.Getegid(), wanted.uid, wanted.gid)
	}
	g.files.owner = &wanted
	return nil
}

func checkFiles(ctx context.Context, g *guest) error {
	if g.inLibOS {
		return nil
	}
	if err := checkProgram(g.manifest, g.program.path); err != nil {
		return err
	}
	for _, name := range g.encryptedKeys() {
		if where := filepath.Join(g.image, "encrypted", name); !g.manifest.trusts(where) {
			return wrong("", "the encrypted file %s is not measured", quoted(where))
		}
	}
	return checkTrustedFiles(ctx, g.manifest)
}

// launch has the software platform measure premain's own bytes, the manifest and the SIGSTRUCT. In an enclave there is
// nothing left to launch. Under gramine-direct the platform measures Gramine's PAL for SGX: the enclave that would be.
func launch(ctx context.Context, g *guest) error {
	if g.inLibOS && !g.direct {
		return nil
	}
	where := filepath.Join(g.image, "app.sig")
	sigStruct, err := os.ReadFile(where)
	if err != nil {
		return wrong("", "%s cannot be read: %v", quoted(where), origin(err))
	}
	measured := g.executable
	if g.direct {
		measured = filepath.Join(g.image, "runtime", "sgx", "libpal.so")
	}
	pal, err := os.Open(measured)
	if err != nil {
		return wrong("", "%s cannot be read: %v", quoted(measured), origin(err))
	}
	defer pal.Close()
	info, err := pal.Stat()
	if err != nil {
		return err
	}
	if g.platform, err = dialPlatform(ctx, g.settings); err != nil {
		return err
	}
	var content io.Reader = pal
	if g.direct {
		// Gramine's sendfile loses what a full socket does not take (1.9, libos_file.c): Go must not see a file here.
		content = struct{ io.Reader }{pal}
	}
	return g.platform.launch(content, int(info.Size()), g.manifestRaw, sigStruct)
}

func getChallenge(ctx context.Context, g *guest) error {
	ctx, cancel := context.WithTimeout(ctx, g.settings.timeout)
	defer cancel()
	g.server = newKeyServer(g.settings.keyServer)
	raw, err := g.server.challenge(ctx)
	if err != nil {
		return err
	}
	g.challenged = time.Now()
	g.challenge, err = openChallenge(raw, g.settings.pin)
	return err
}

// renewChallenge asks again where hashing or measuring took so long that the first challenge is stale.
func renewChallenge(ctx context.Context, g *guest) error {
	if time.Since(g.challenged) < freshness {
		return nil
	}
	return getChallenge(ctx, g)
}

func getKeys(_ context.Context, g *guest) error {
	var err error
	g.keys, err = makeKeys()
	return err
}

func getQuote(_ context.Context, g *guest) error {
	g.runtimeData = g.challenge.runtimeData(g.settings.workload, g.keys)
	g.reportData = sha512.Sum512(g.runtimeData)
	var err error
	if g.inLibOS && !g.direct {
		g.quote, err = gramineQuote(g.attestation, g.reportData)
		return err
	}
	defer g.platform.close()
	g.quote, err = g.platform.quote(g.reportData)
	return err
}

func activate(ctx context.Context, g *guest) error {
	ctx, cancel := context.WithTimeout(ctx, g.settings.timeout)
	defer cancel()
	var err error
	g.sealed, err = g.server.activate(ctx, activationRequest(g.quote, g.runtimeData))
	g.server.client.CloseIdleConnections()
	return err
}

func getBundle(_ context.Context, g *guest) error {
	var err error
	if g.bundle, err = openBundle(g.sealed, g.challenge.server, g.keys.hpke, g.reportData); err != nil {
		return err
	}
	return g.bundle.fits(g.settings.workload, g.keys.tls, g.settings.tlsKey != "")
}

// start becomes the program: the same process, so that signals and the exit status are its own.
func start(_ context.Context, g *guest) error {
	env := make([]string, 0, len(g.env))
	for _, name := range slices.Sorted(maps.Keys(g.env)) {
		env = append(env, name+"="+g.env[name])
	}
	return g.files.keep(func() error {
		if !g.inLibOS {
			if err := os.Chdir(g.manifest.startDir); err != nil {
				return wrong("", "the start directory %s cannot be entered: %v", quoted(g.manifest.startDir), origin(err))
			}
		}
		if g.files.owner != nil {
			if err := g.files.owner.become(); err != nil {
				return wrong("", "the measured user cannot be taken on: %v", err)
			}
		}
		g.core.restore()
		err := g.exec(g.program.path, g.program.argv, env)
		return wrong("", "%s cannot be started: %v", quoted(g.program.path), origin(err))
	})
}
