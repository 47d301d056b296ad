"""Rules about the enclave itself and about who decides what it runs."""

from collections.abc import Iterator

from caisson.enclave.manifest.lint.program import Program
from caisson.enclave.manifest.lint.rule import Rule, Severity, Subject
from caisson.enclave.manifest.lint.words import is_interpreter
from caisson.enclave.parameters import MAX_ENCLAVE_SIZE, parse_size
from caisson.errors import Malformed

LEAST_THREADS = 4  # the program's, and three of the library OS
_HEAP = ("-Xmx", "--max-old-space-size=")
_BAD_LOG = ("warning", "debug", "trace", "all")


def _debug(subject: Subject) -> Iterator[str]:
    if subject.manifest.get("sgx.debug"):
        yield "sgx.debug"


def _host_decides(subject: Subject) -> Iterator[str]:
    for name in ("loader.insecure__use_host_env", "loader.insecure__use_cmdline_argv"):
        if subject.manifest.get(name):
            yield name


def _source_files(subject: Subject) -> Iterator[str]:
    for name in ("loader.argv_src_file", "loader.env_src_file"):
        if subject.manifest.get(name) is not None:
            yield name


def _no_attestation(subject: Subject) -> Iterator[str]:
    # A value that older versions had is still a wish to attest; that it is old is another rule's business.
    if subject.manifest.raw("sgx.remote_attestation") in (None, "none", False):
        yield "sgx.remote_attestation"


def _no_numbers(subject: Subject) -> Iterator[str]:
    for name in ("sgx.isvprodid", "sgx.isvsvn"):
        if subject.manifest.get(name) == 0:
            yield name


def _bare_interpreter(subject: Subject) -> Iterator[str]:
    program = Program.of(subject.manifest)
    if is_interpreter(program.path) and not program.arguments:
        yield f"libos.entrypoint is `{program.path}`"


def _talkative(subject: Subject) -> Iterator[str]:
    manifest = subject.manifest
    if manifest.get("loader.log_level") in _BAD_LOG:
        yield "loader.log_level"
    for name in ("sgx.enable_stats", "sgx.vtune_profile"):
        if manifest.get(name):
            yield name
    if manifest.get("sgx.profile.enable") != "none":
        yield "sgx.profile.enable"


def _other_insecure(subject: Subject) -> Iterator[str]:
    elsewhere = ("fs.insecure__keys.", "loader.insecure__use_")
    for setting in subject.manifest.settings():
        marked = any(f".{mark}__" in f".{setting.path}" for mark in ("insecure", "experimental", "debug"))
        if marked and setting.value not in (False, 0, []) and not setting.path.startswith(elsewhere):
            yield setting.path


def _sizes(subject: Subject) -> Iterator[str]:
    manifest = subject.manifest
    edmm = manifest.get("sgx.edmm_enable")
    size = _bytes(manifest.get("sgx.enclave_size"))
    if size is not None and (size.bit_count() != 1 or size > MAX_ENCLAVE_SIZE):
        yield "sgx.enclave_size is not a power of two of at most 1024G"
    if manifest.get("sgx.max_threads") < LEAST_THREADS and not edmm:
        yield "sgx.max_threads"
    for argument in (*Program.of(manifest).arguments, *(value or "" for value in manifest.variables().values())):
        for word in argument.split():
            heap = _heap(word)
            if heap is not None and size is not None and heap >= size:
                yield f"`{word[:80]}` asks for more than sgx.enclave_size"


def _heap(word: str) -> int | None:
    """Give the bytes of heap that an argument of Java or Node.js asks for."""
    for option in _HEAP:
        if word.startswith(option):
            return _bytes(word.removeprefix(option).upper() + ("M" if option != "-Xmx" else ""))
    return None


def _bytes(size: str) -> int | None:
    try:
        return parse_size(size)
    except Malformed:
        return None


RULES = (
    Rule(
        id="L01",
        severity=Severity.CRITICAL,
        title="debug enclave",
        reason="the host can read and change all of the enclave's memory",
        fix="set `sgx.debug = false`",
        looks_at="manifest",
        check=_debug,
    ),
    Rule(
        id="L04",
        severity=Severity.CRITICAL,
        title="host chooses arguments or environment",
        reason="the host chooses what the program does: with LD_PRELOAD alone it runs its own code inside",
        fix="remove it; say `loader.argv` and `loader.env.NAME`, which are measured",
        looks_at="manifest",
        check=_host_decides,
    ),
    Rule(
        id="L06",
        severity=Severity.CRITICAL,
        title="no remote attestation",
        reason="the enclave cannot prove to anyone what it is, so nobody can give it a secret",
        fix='set `sgx.remote_attestation = "dcap"`',
        looks_at="manifest",
        check=_no_attestation,
    ),
    Rule(
        id="L10",
        severity=Severity.HIGH,
        title="no product or security version",
        reason="policies cannot tell products of one signer apart, or refuse a version with a known hole",
        fix="give the product a number of its own, and let `sgx.isvsvn` rise with each security fix, from 1",
        looks_at="manifest",
        check=_no_numbers,
    ),
    Rule(
        id="L11",
        severity=Severity.HIGH,
        title="interpreter without a program",
        reason="it runs whatever comes in on standard input, which is the host's",
        fix="name the script or module in `loader.argv`, and trust its files",
        looks_at="manifest",
        check=_bare_interpreter,
    ),
    Rule(
        id="L14",
        severity=Severity.MEDIUM,
        title="tells the host more than errors",
        reason="logs and profiles tell the host file names, system calls and what the program is doing",
        fix='set `loader.log_level = "error"`, and remove profiling and statistics',
        looks_at="manifest",
        check=_talkative,
    ),
    Rule(
        id="L15",
        severity=Severity.MEDIUM,
        title="other insecure, experimental or debugging key",
        reason="Gramine's authors say by its name that it is not for production",
        fix="remove it, or write down why the program cannot do without",
        looks_at="manifest",
        check=_other_insecure,
    ),
    Rule(
        id="L19",
        severity=Severity.MEDIUM,
        title="size or threads that cannot work",
        reason="the enclave does not start, or ends when it is used",
        fix="take a power of two larger than the heap, and at least 4 threads: the library OS needs up to three",
        looks_at="manifest",
        check=_sizes,
    ),
    Rule(
        id="L25",
        severity=Severity.HIGH,
        title="arguments or environment from a file that nothing verifies",
        reason="since Gramine 1.8 the loader reads this file itself and checks nothing: the host chooses its content,"
        " also where it is a trusted file",
        fix="say `loader.argv` and `loader.env.NAME`, which are measured",
        looks_at="manifest",
        check=_source_files,
    ),
)
