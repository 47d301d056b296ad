"""Random enclaves: an ELF file that takes the PAL's place, and a manifest, in any of their shapes."""

import hashlib
import struct
from dataclasses import dataclass

from tests.differential import spelling

PAGE = 4096
TEXTS = [
    "",
    "/usr/bin/x",
    "a b",
    "ünïcödé",
    "日本",
    "🐋",
    'quote"',
    "back\\slash",
    "it's",
    "tab\t",
    "new\nline",
    "#no",
    "=",
    "{{x}}",
]
FEATURE = ["unspecified", "disabled", "required"]
FIXED = ["disabled", "required"]
# Bytes that each thread takes, and what is left for PAL, manifest and heap.
PER_THREAD = 0x8000 + 2 * PAGE + 0x40000 + 0x10000
REST = 2 << 20


@dataclass(frozen=True)
class Case:
    """What is measured and signed, and the date."""

    pal: bytes
    manifest: str
    date: str

    def write(self, directory):
        (directory / "libpal.so").write_bytes(self.pal)
        (directory / "app.manifest").write_bytes(self.manifest.encode())


def case(chance, files):
    """Make a case; `files` are there to be trusted by their paths."""
    threads = chance.choice([1, 2, 3, 4, 4, 7, 16, chance.randrange(1, 65), chance.randrange(65, 300)])
    least = (threads * PER_THREAD + REST - 1).bit_length()
    edmm = chance.random() < 0.4
    bits = chance.randrange(least, 41) if edmm else chance.randrange(least, max(least, 30) + 1)
    fixed = chance.random() < 0.35
    # A PAL at a fixed address lies below the stacks, which are in the upper part, and above the lowest 64 KiB.
    address = chance.choice([0x10000, 0x10010, 0x40000, 0x7F800]) if fixed else chance.choice([0, 0, 0x123])
    date = chance.choice(["0000-00-00", "2024-12-25", "1999-01-01", "2026-02-28", "9999-12-31"])
    return Case(
        pal=pal(chance, address),
        manifest=spelling.document(chance, document(chance, threads, bits, edmm, files)),
        date=date,
    )


def pal(chance, address):
    """An ELF file whose lowest segment is at `address`."""
    at, segments = address, []
    for _ in range(chance.randrange(1, 7)):
        in_file = chance.choice([0, 1, 255, 256, PAGE - at % PAGE, PAGE, chance.randrange(5 * PAGE)])
        in_memory = in_file + chance.choice([0, 0, 1, PAGE - 1, PAGE, chance.randrange(8 * PAGE)])
        segments.append((at, in_file, max(in_memory, 1), chance.choice([4, 5, 6, 6, 7, 1, 0])))
        at += in_memory
        at += PAGE - at % PAGE + chance.choice([0, PAGE, 16 * PAGE]) + chance.choice([0, 0, 1, 0x10, 0xFF0])
    others = [
        (kind, 4, chance.randrange(64), chance.randrange(PAGE), 8, 8) for kind in chance.sample([4, 7, 0x6474E551], 2)
    ]
    raw = bytearray(chance.randbytes(64))
    loads = []
    for address_, in_file, in_memory, flags in segments:
        offset = -(-len(raw) // PAGE) * PAGE + address_ % PAGE
        raw += chance.randbytes(offset - len(raw)) + chance.randbytes(in_file)
        loads.append((1, flags, offset, address_, in_file, in_memory))
    headers = [*others, *loads]
    if chance.random() < 0.3:
        chance.shuffle(headers)
    table = len(raw) + chance.randrange(9)
    raw += bytes(table - len(raw))
    for kind, flags, offset, address_, in_file, in_memory in headers:
        raw += struct.pack("<IIQQQQQQ", kind, flags, offset, address_, address_, in_file, in_memory, PAGE)
    raw += chance.randbytes(chance.randrange(300))
    entry = address + chance.choice([0, 0x40, chance.randrange(1 << 20)])
    kind = 2 if address >= PAGE else 3
    raw[:64] = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", kind, 62, 1, entry, table, 0, 0, 64, 56, len(headers), 64, 0, 0
    )
    return bytes(raw)


def document(chance, threads, bits, edmm, files):
    """A manifest with a random choice of all keys of Gramine 1.9, as nested values."""
    sgx = {"enclave_size": size(chance, bits), "max_threads": threads, "edmm_enable": edmm}
    if not edmm and threads == 4 and bits == 28:
        sgx = {}  # which are the defaults
    maybe(chance, sgx, "debug", lambda: flip(chance))
    maybe(chance, sgx, "use_exinfo", lambda: flip(chance))
    maybe(chance, sgx, "isvprodid", lambda: chance.choice([0, 1, 0xFF, 0x100, 0xFFFF, chance.randrange(1 << 16)]))
    maybe(chance, sgx, "isvsvn", lambda: chance.choice([0, 1, 0xFFFF, chance.randrange(1 << 16)]))
    features = {}
    for name in ("avx", "avx512", "amx", "mpx", "pkru"):
        maybe(chance, features, name, lambda name=name: chance.choice(FIXED if name in ("mpx", "pkru") else FEATURE))
    maybe(chance, sgx, "cpu_features", lambda: features)
    maybe(chance, sgx, "remote_attestation", lambda: chance.choice(["none", "dcap"]))
    maybe(chance, sgx, "file_check_policy", lambda: chance.choice(["strict", "allow_all_but_log"]))
    maybe(chance, sgx, "allowed_files", lambda: [f"file:{text(chance)}" for _ in range(chance.randrange(4))])
    maybe(chance, sgx, "trusted_files", lambda: trusted(chance, files), often=0.9)
    for name in ("insecure__allow_memfaults_without_exinfo", "vtune_profile", "enable_stats"):
        maybe(chance, sgx, name, lambda: flip(chance), often=0.2)
    if not edmm:
        maybe(chance, sgx, "preheat_enclave", lambda: flip(chance))
    maybe(chance, sgx, "insecure__rpc_thread_num", lambda: chance.randrange(64), often=0.2)
    maybe(chance, sgx, "seal_key", lambda: {"flags_mask": "0xff", "misc_mask": "0xFFFFFFFF"}, often=0.2)
    maybe(chance, sgx, "profile", lambda: {"enable": "all", "mode": "ocall_outer", "frequency": 7}, often=0.2)
    manifest = {"libos": {"entrypoint": text(chance)}, "loader": loader(chance), "fs": file_systems(chance)}
    maybe(chance, manifest, "sgx", lambda: sgx, often=1 if sgx else 0.5)
    maybe(chance, manifest, "sys", lambda: system(chance))
    return manifest


def loader(chance):
    """The table `loader`."""
    table = {"entrypoint": {"uri": "file:/lib/libsysdb.so", "sha256": chance.randbytes(32).hex()}}
    maybe(chance, table, "argv", lambda: [text(chance) for _ in range(chance.randrange(6))])
    if "argv" not in table:
        maybe(chance, table, "insecure__use_cmdline_argv", lambda: flip(chance))
    maybe(chance, table, "log_level", lambda: chance.choice(["none", "error", "warning", "debug", "trace", "all"]))
    maybe(chance, table, "uid", lambda: chance.randrange(1 << 16))
    maybe(chance, table, "gid", lambda: chance.randrange(1 << 16))
    maybe(chance, table, "insecure__disable_aslr", lambda: flip(chance), often=0.1)
    names = [f"NAME_{number}" for number in range(chance.randrange(8))]
    spellings = (lambda: text(chance), lambda: {"value": text(chance)}, lambda: {"passthrough": True})
    maybe(chance, table, "env", lambda: {name: chance.choice(spellings)() for name in names})
    return table


def file_systems(chance):
    """The table `fs`."""
    mounts = []
    for number in range(chance.randrange(5)):
        mount = {"path": f"/{number}{text(chance)}", "uri": f"file:{text(chance)}"}
        match chance.randrange(4):
            case 0:
                mount["type"] = "chroot"
            case 1:
                mount |= {"type": "encrypted", "key_name": "default"}
                maybe(chance, mount, "enable_recovery", lambda: flip(chance))
            case 2:
                mount = {"path": mount["path"], "type": "tmpfs"}
        mounts.append(mount)
    table = {"mounts": mounts}
    maybe(chance, table, "root", lambda: {"type": "chroot", "uri": "file:/"})
    maybe(chance, table, "start_dir", lambda: f"/{text(chance)}")
    maybe(chance, table, "insecure__keys", lambda: {"default": chance.randbytes(16).hex()}, often=0.2)
    return table


def system(chance):
    """The table `sys`."""
    table = {}
    for name in (
        "disallow_subprocesses",
        "enable_extra_runtime_domain_names_conf",
        "enable_sigterm_injection",
        "experimental__enable_flock",
        "insecure__allow_eventfd",
    ):
        maybe(chance, table, name, lambda: flip(chance))
    maybe(chance, table, "stack", lambda: {"size": size(chance, chance.randrange(16, 24))})
    maybe(chance, table, "brk", lambda: {"max_size": chance.choice(["0", size(chance, chance.randrange(16, 24))])})
    maybe(chance, table, "fds", lambda: {"limit": chance.randrange(16, 5000)})
    maybe(chance, table, "debug__mock_syscalls", lambda: [{"name": "eventfd2", "return": -38}], often=0.2)
    maybe(chance, table, "allowed_ioctls", lambda: [{"request_code": 0x5401}, {"request_code": 1, "struct": "s"}])
    maybe(chance, table, "ioctl_structs", lambda: {"s": [{"size": 8, "direction": "out"}]})
    return table


def trusted(chance, files):
    """Trusted files in all their spellings: some are hashed already, some have to be."""
    entries = []
    for number in range(chance.choice([0, 1, 3, 30])):
        uri = f"file:/{number}/{text(chance)}x"
        entries.append({"uri": uri, "sha256": hashlib.sha256(uri.encode()).hexdigest()})
    chosen = chance.sample(files, chance.randrange(len(files) + 1))
    entries += [chance.choice([f"file:{path}", {"uri": f"file:{path}"}]) for path in chosen]
    chance.shuffle(entries)
    return entries


def size(chance, bits):
    """Write a power of two as a size."""
    number = 1 << bits
    forms = [str(number), hex(number), f"0X{number:X}"]
    for unit, suffix in ((10, "K"), (20, "M"), (30, "G")):
        if bits >= unit:
            forms += [f"{number >> unit}{suffix}", f"{number >> unit:#x}{suffix}"]
    return chance.choice(forms)


def maybe(chance, table, name, value, *, often=0.5):
    """Set a key, or leave it out."""
    if chance.random() < often:
        table[name] = value()


def flip(chance):
    """Give true or false."""
    return chance.random() < 0.5


def text(chance):
    """Give a text that may be hard to write."""
    return chance.choice(TEXTS)
