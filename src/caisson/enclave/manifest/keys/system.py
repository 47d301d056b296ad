"""The keys of `sys`.

Source: Gramine 1.9, Documentation/manifest-syntax.rst and python/graminelibos/manifest_check.py.
"""

from typing import get_args

from caisson.enclave.manifest.key import Key, Kind
from caisson.enclave.manifest.keys.vocabulary import BOOLEAN, INTEGER, MIN_INT, SIZE, TEXT, D, Direction, F, P, S

SYS = (
    Key(
        name="sys.disallow_subprocesses",
        kind=BOOLEAN,
        security=S,
        default=False,
        meaning="whether new processes, each an enclave of the same size, are refused",
    ),
    Key(
        name="sys.enable_sigterm_injection",
        kind=BOOLEAN,
        security=F,
        default=False,
        meaning="whether the host can ask the program to end, once, with SIGTERM",
    ),
    Key(
        name="sys.enable_extra_runtime_domain_names_conf",
        kind=BOOLEAN,
        security=S,
        default=False,
        meaning="whether host name and `/etc/resolv.conf` are taken from the host, checked for their form; names then"
        " resolve as the host likes",
    ),
    Key(
        name="sys.experimental__enable_flock",
        kind=BOOLEAN,
        security=F,
        default=False,
        meaning="whether the system call `flock` works; not finished in Gramine",
    ),
    Key(
        name="sys.insecure__allow_eventfd",
        kind=BOOLEAN,
        security=S,
        default=False,
        meaning="whether eventfd is the host's, which works across processes and which the host can falsify",
    ),
    Key(
        name="sys.stack.size",
        kind=SIZE,
        security=P,
        default="256K",
        meaning="size of the main thread's stack; Redis needs 1M",
    ),
    Key(
        name="sys.brk.max_size",
        kind=SIZE,
        security=P,
        default="256K",
        meaning="how far the program's break can grow",
    ),
    Key(
        name="sys.fds.limit",
        kind=INTEGER,
        security=P,
        default=900,
        meaning="how many files a process can have open",
    ),
    Key(
        name="sys.allowed_ioctls[].request_code",
        kind=INTEGER,
        security=S,
        written=True,
        meaning="an ioctl that is passed on to the host's device or socket",
    ),
    Key(
        name="sys.allowed_ioctls[].struct",
        kind=TEXT,
        security=S,
        meaning="name of the layout of what the ioctl's argument points to",
    ),
    *(
        Key(
            name=f"sys.ioctl_structs.*[].{name}",
            kind=kind,
            security=S,
            choices=get_args(Direction) if name == "direction" else (),
            least=MIN_INT if name == "adjustment" else 0,
            meaning=meaning,
        )
        for name, kind, meaning in (
            ("name", TEXT, "name of a part of an ioctl's memory, for others to refer to"),
            ("alignment", INTEGER, "alignment of an ioctl's memory, in bytes"),
            ("size", Kind.LENGTH, "size of the part, in units"),
            ("unit", INTEGER, "bytes in a unit"),
            ("adjustment", INTEGER, "bytes to add to the size"),
            ("direction", TEXT, "whether the part is copied out to the host, in from it, both or not at all"),
            ("ptr", Kind.LAYOUT, "name of the layout that the part points to"),
            ("array_len", Kind.LENGTH, "how many such pointers there are"),
            ("onlyif", TEXT, "condition under which the part is there"),
        )
    ),
    Key(
        name="sys.debug__mock_syscalls[].name",
        kind=TEXT,
        security=D,
        written=True,
        meaning="a system call that does nothing",
    ),
    Key(
        name="sys.debug__mock_syscalls[].return",
        kind=INTEGER,
        security=D,
        default=0,
        least=MIN_INT,
        meaning="what that system call returns, negative for an error",
    ),
)
