"""Names and spellings that several rules look for."""

import math
import posixpath
import re
from collections import Counter

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "busybox", "ksh"})
TOOLS = SHELLS | {
    *("gcc", "cc", "g++", "clang", "tcc", "make", "ld"),
    *("apt", "apt-get", "dpkg", "apk", "yum", "dnf", "rpm", "pip", "pip3", "npm"),
    *("ssh", "sshd", "scp", "dropbear"),
}

_INTERPRETER = re.compile(r"(?:python|node|nodejs|ruby|perl|php|java|lua|Rscript)[0-9.]*")
_LOADER_RELEVANT = re.compile(
    r"LD_.*|PATH|PYTHON.*|NODE_OPTIONS|NODE_PATH|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|PERL5.*"
    r"|RUBYLIB|RUBYOPT|GLIBC_TUNABLES|GCONV_PATH|BASH_ENV|ENV|PHPRC|PHP_INI_SCAN_DIR|OPENSSL_CONF|OPENSSL_MODULES"
    r"|RA_TLS_.*|SECRET_PROVISION_.*"
)
_CODE = re.compile(r".*\.(?:so(?:\.[0-9.]+)?|py|pyc|js|mjs|node|jar|class|sh|php|rb|pl|exe)")
_PRIVATE_KEY = re.compile(r"(?:.*/)?(?:id_(?:rsa|dsa|ecdsa|ed25519)|[^/]*\.(?:key|p12|pfx|jks)|[^/]*key[^/]*\.pem)")
_SECRET_NAME = re.compile(
    r".*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?)", re.IGNORECASE
)
_PUBLIC_NAME = re.compile(
    r".*(?:PIN|SHA256|SHA512|DIGEST|HASH|CHECKSUM|FINGERPRINT|GPG_KEYS?|VERSION|COMMIT|REVISION|_ID|_FILE|_PATH|_URL"
    r"|CERTIFICATE)",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@.*", re.IGNORECASE)
_RANDOM = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_LEAST_ENTROPY = 3.5  # bits for each character: words and names have less, random hex has up to 4, base64 up to 6


def name_of(path: str) -> str:
    """Give the last part of a path or URI."""
    return posixpath.basename(path.rpartition(":")[2])


def is_interpreter(program: str) -> bool:
    """Whether a program runs what others wrote: a shell or the interpreter of a language."""
    name = name_of(program)
    return name in SHELLS or _INTERPRETER.fullmatch(name) is not None


def is_loader_relevant(variable: str) -> bool:
    """Whether a variable decides which code a program loads, or whom it trusts."""
    return _LOADER_RELEVANT.fullmatch(variable) is not None


def is_code(uri: str) -> bool:
    """Whether a file is code, by its name."""
    return _CODE.fullmatch(uri) is not None


def is_private_key(path: str) -> bool:
    """Whether a file is a private key, by its name."""
    return _PRIVATE_KEY.fullmatch(path) is not None and "pub" not in name_of(path)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable looks like a secret: by its name, as a password in a URL, or as random characters."""
    if not value or "{{" in value or value.startswith("/") or _PUBLIC_NAME.fullmatch(name):
        return _IN_URL.fullmatch(value) is not None
    if _SECRET_NAME.fullmatch(name) or _IN_URL.fullmatch(value) or "PRIVATE KEY-----" in value:
        return True
    return _RANDOM.fullmatch(value) is not None and any(map(str.isdigit, value)) and _entropy(value) >= _LEAST_ENTROPY


def _entropy(text: str) -> float:
    """Give Shannon's entropy in bits for each character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())
