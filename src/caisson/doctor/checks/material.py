"""What is built with: programs, runtimes, the author's key; and an image against this CPU."""

from caisson.doctor.check import Check, Finding, Purpose, bad, good, of, unknown, warn
from caisson.doctor.checks.kernel import NATIVE, version_of
from caisson.doctor.cpuid import Cpu
from caisson.doctor.readings import Image, KeyFile, Readings, Unread, Workshop
from caisson.doctor.sizes import spell

_BUILD = frozenset({Purpose.BUILD})
_ENCLAVES = frozenset({Purpose.RUN, Purpose.SWARM})
_BITS, _EXPONENT = 3072, 3
_FOR_OTHERS = 0o077
_GROWING = (6, 0)
_STATE = (
    (0x4, "AVX"),
    (0x18, "MPX"),
    (0xE0, "AVX-512"),
    (0x200, "PKRU"),
    (0x60000, "AMX"),
)


def is_complete(found: Workshop, _readings: Readings) -> Finding:
    """Judge whether the package was built, or only copied."""
    if not found.missing:
        return good("the guest agent and the health probe are there")
    return bad(
        f"this installation lacks `{'`, `'.join(found.missing)}`",
        "they go into every image",
        "install Caisson with pip, which builds them",
    )


def has_runtime(found: Workshop, _readings: Readings) -> Finding:
    """Judge whether images for SGX can be built."""
    if found.runtimes:
        return good(", ".join(found.runtimes))
    return warn(
        "no release of Gramine was added",
        "images can be built for the runtime `native` only, which no hardware vouches for",
        "`caisson runtime add` takes an installation, packages or an image",
    )


def is_right_kind(key: KeyFile, _readings: Readings) -> Finding:
    """Judge the author's key: EINIT knows one kind."""
    if not key.exists:
        return warn(
            f"no key at `{key.path}`",
            "one is made there when it is first needed; whoever has it can make programs that pass for yours",
            "for what others rely on, keep a key in a token or elsewhere: `--key`",
        )
    if key.problem is not None:
        return bad(f"`{key.path}`: {key.problem}", "nothing can be signed with it", "`caisson key generate`")
    if key.bits is None or key.exponent is None:
        return unknown(f"`{key.path}` is encrypted, and does not say what kind it is")
    if (key.bits, key.exponent) != (_BITS, _EXPONENT):
        return bad(
            f"`{key.path}` has {key.bits} bits and exponent {key.exponent}",
            "SGX knows RSA-3072 with exponent 3 and nothing else; many key services only have exponent 65537",
            "`caisson key generate`, or a token that can do it",
        )
    return good(f"`{key.path}`: RSA-3072 with exponent 3{', encrypted' * key.encrypted}")


def is_private(key: KeyFile, _readings: Readings) -> Finding | None:
    """Judge who can read the author's key."""
    if not key.exists:
        return None
    seen = f"`{key.path}` has mode {key.mode:04o}"
    if key.mode & _FOR_OTHERS:
        judge = warn if key.encrypted else bad
        return judge(
            seen, "others can read it, and make programs that pass for yours", f"`chmod 600 {key.path}`; was it read?"
        )
    if not key.owned:
        return warn(
            f"{seen}, and belongs to somebody else", "its owner signs as you do", "copy it into a file of yours"
        )
    return good(seen)


def is_confidential(image: Image, _readings: Readings) -> Finding:
    """Judge whether the image is one that anybody should run."""
    if image.problem is not None:
        return bad(
            f"`{image.reference}`: {image.problem}", "it is no confidential image", "make one with `caisson build`"
        )
    if image.debug:
        return bad(
            f"`{image.reference}` is a debug enclave",
            "the host reads and changes all of its memory: it protects nothing, and no policy accepts it",
            "build it without `debug`",
        )
    if not image.signed:
        return bad(f"`{image.reference}` is not signed", "no CPU starts its enclave", "`caisson sign`")
    if image.runtime == NATIVE:
        return warn(
            f"`{image.reference}` is for the runtime `native`",
            "it runs anywhere, on the software platform, which protects nothing; SGX is not used",
            "build it for Gramine to have an enclave",
        )
    return good(f"`{image.reference}`: runtime {image.runtime}, an enclave of {spell(image.enclave_size)}")


def _cpu(image: Image, readings: Readings) -> Cpu | Finding | None:
    if image.problem is not None or image.runtime == NATIVE:
        return None
    cpu = None if isinstance(readings.sight, Unread) else Cpu.of(readings.sight)
    return unknown("the CPU could not be asked") if cpu is None else cpu


def fits(image: Image, readings: Readings) -> Finding | None:
    """Judge the size of the image's enclave."""
    cpu = _cpu(image, readings)
    if not isinstance(cpu, Cpu):
        return cpu
    size = spell(image.enclave_size)
    smaller = "build it with a smaller `[enclave] size`, or use another machine"
    if image.enclave_size > 1 << cpu.largest:
        return bad(
            f"the enclave has {size}, this CPU's largest has 2^{cpu.largest} bytes", "ECREATE refuses it", smaller
        )
    if image.enclave_size > cpu.pages and not image.dynamic_memory:
        return warn(
            f"the enclave has {size}, all page cache together {spell(cpu.pages)}",
            "it starts, but pages are encrypted out to memory and back, which is slow",
            smaller,
        )
    return good(f"an enclave of {size} in {spell(cpu.pages)} of page cache")


def has_features(image: Image, readings: Readings) -> Finding | None:
    """Judge what the image's manifest requires of the CPU and the kernel."""
    cpu = _cpu(image, readings)
    if not isinstance(cpu, Cpu):
        return cpu
    lacking = [name for bits, name in _STATE if image.xfrm & bits & ~cpu.xfrm]
    if image.misc_select & ~cpu.misc_select:
        lacking.append("EXINFO")
    version = version_of(readings.kernel.release)
    if image.dynamic_memory and not cpu.sgx2:
        lacking.append("SGX2")
    if image.dynamic_memory and version is not None and version < _GROWING:
        lacking.append("Linux 6.0")
    if not lacking:
        return good("this CPU has all that the image requires")
    return bad(
        f"the image requires {', '.join(lacking)}, which this machine does not offer to enclaves",
        "EINIT or ECREATE refuses it",
        "set `sgx.cpu_features`, `use_exinfo` or `edmm_enable` otherwise, or use another machine",
    )


CHECKS = (
    Check(
        id="D50",
        name="programs",
        title="the installation is complete",
        looks_at="the guest agent and the health probe in this package",
        why="they are compiled when Caisson is installed, and go into every image",
        purposes=_BUILD,
        judge=of(lambda readings: readings.workshop, is_complete),
    ),
    Check(
        id="D51",
        name="gramine",
        title="images for SGX can be built",
        looks_at="the runtime bundles in CAISSON_HOME",
        why="an image for SGX takes a release of Gramine along",
        purposes=_BUILD,
        judge=of(lambda readings: readings.workshop, has_runtime),
        decides=False,
    ),
    Check(
        id="D52",
        name="key-kind",
        title="the signing key is of the kind that SGX knows",
        looks_at="the key given with `--key`, or the one in CAISSON_HOME",
        why="EINIT checks an RSA-3072 signature with exponent 3, and no other",
        purposes=_BUILD,
        judge=of(lambda readings: readings.key, is_right_kind),
        decides=False,
    ),
    Check(
        id="D53",
        name="key-file",
        title="the signing key is its owner's only",
        looks_at="mode and owner of the key's file",
        why="who has the key can make programs that pass for yours: policies that name MRSIGNER accept them",
        purposes=_BUILD,
        judge=of(lambda readings: readings.key, is_private),
        decides=False,
    ),
    Check(
        id="D80",
        name="image",
        title="the image is confidential",
        looks_at="manifest and SIGSTRUCT in the image that is named; `caisson verify` verifies them",
        why="debug enclaves and images that are not signed protect nothing, or do not start",
        purposes=frozenset(Purpose),
        judge=of(lambda readings: readings.image, is_confidential),
    ),
    Check(
        id="D81",
        name="image-size",
        title="the image's enclave fits this machine",
        looks_at="the enclave's size against CPUID leaf 12H: the largest enclave, and the page cache",
        why="too large does not start; larger than the page cache is slow",
        purposes=_ENCLAVES,
        judge=of(lambda readings: readings.image, fits),
        after=("D06", "D80"),
    ),
    Check(
        id="D82",
        name="image-features",
        title="the image gets what it requires of the CPU",
        looks_at="the XFRM and MISCSELECT of its manifest against CPUID leaf 12H, and SGX2 and Linux 6.0 for EDMM",
        why="an enclave that requires more than the CPU gives does not start",
        purposes=_ENCLAVES,
        judge=of(lambda readings: readings.image, has_features),
        after=("D02", "D80"),
    ),
)
