"""Where things lie in a confidential image (docs/reference/image.md)."""

DIRECTORY = "/.caisson"
PREMAIN = f"{DIRECTORY}/premain"
PROBE = f"{DIRECTORY}/probe"
MANIFEST = f"{DIRECTORY}/app.manifest.sgx"
SIGSTRUCT = f"{DIRECTORY}/app.sig"
UNSIGNED = f"{DIRECTORY}/app.sig.unsigned"
DIRECT_MANIFEST = f"{DIRECTORY}/app.direct.manifest"
RUNTIME = f"{DIRECTORY}/runtime"
RUNTIME_DESCRIPTION = f"{RUNTIME}/bundle.json"
SGX_ENTRYPOINT = (f"{RUNTIME}/sgx/loader", f"{RUNTIME}/sgx/libpal.so", "init", f"{DIRECTORY}/app")
DIRECT_ENTRYPOINT = (f"{RUNTIME}/direct/libpal.so", f"{RUNTIME}/direct/libpal.so", "init", f"{DIRECTORY}/app.direct")
ENCRYPTED = f"{DIRECTORY}/encrypted"
LIBRARY_CACHE = f"{RUNTIME}/ld.so.cache"
RUNTIME_DIRECTORY = "/run/caisson"
TLS_CERTIFICATE = f"{RUNTIME_DIRECTORY}/tls/certificate.pem"
TLS_KEY = f"{RUNTIME_DIRECTORY}/tls/key.pem"
TMPFS_LABEL = "org.caisson.tmpfs"

# What the deployment decides, and nobody trusts: see "Where the key server is" in docs/reference/image.md.
DEPLOYMENT_VARIABLES = ("CAISSON_KEY_SERVER", "CAISSON_PLATFORM", "CAISSON_TIMEOUT", "CAISSON_WORKLOAD")
