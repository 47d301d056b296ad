"""From a workload's template and its secrets to the bundle that a guest receives."""

from collections.abc import Callable

from caisson.errors import UsageError
from caisson.keyserver.secret import Secret
from caisson.keyserver.template import Template
from caisson.keyserver.workload import Workload
from caisson.protocol import FS_KEY_SIZE, Bundle, BundleFile

# An answer has at most 1 MiB. Base64 is in it twice (ciphertext in payload in envelope);
# 32 KiB are kept for the certificates.
MOST_ANSWER = 1024 * 1024
_MOST_PLAIN = MOST_ANSWER * 9 // 16 - 32 * 1024


def assemble(
    workload: Workload, secret: Callable[[str], Secret], *, certificate_chain: tuple[bytes, ...] = (), expires: int = 0
) -> Bundle:
    """Fill in a workload's secrets. Without a certificate chain it is a rehearsal.

    Raises:
        Unknown: a secret does not exist.
        UsageError: a secret does not fit where it should go, or all together are too much.
        Malformed: a guest would refuse it.
    """
    bundle = Bundle(
        workload=workload.name,
        expires=expires,
        fs_keys={name: _file_system_key(name, wanted, secret(wanted)) for name, wanted in workload.fs_keys.items()},
        files=tuple(
            BundleFile(path=file.path, mode=file.mode, content=_render(file.content, secret).reveal())
            for file in workload.file
        ),
        env={name: _variable(name, _render(value, secret)) for name, value in workload.env.items()},
        argv=workload.argv,
        certificate_chain=certificate_chain,
    )
    encoded = bundle.encode()
    size = len(encoded) - sum(len(der) * 4 // 3 for der in certificate_chain)
    if size > _MOST_PLAIN:
        raise UsageError(f"the bundle of `{workload.name}` has {size} bytes, more than {_MOST_PLAIN}")
    # What a guest would refuse is not sent.
    return Bundle.parse(encoded)


def _render(text: str, secret: Callable[[str], Secret]) -> Secret:
    return Template.parse(text, what="text").render(secret)


def _file_system_key(name: str, wanted: str, key: Secret) -> bytes:
    if len(key) != FS_KEY_SIZE:
        raise UsageError(
            f"secret `{wanted}` has {len(key)} bytes, and file-system key `{name}` needs {FS_KEY_SIZE}",
            hint=f"generate it with `--kind symmetric-key --length {FS_KEY_SIZE}`",
        )
    return key.reveal()


def _variable(name: str, value: Secret) -> str:
    try:
        text = value.reveal().decode()
    except UnicodeDecodeError:
        # The cause would carry the value.
        text = "\0"
    if "\0" in text:
        raise UsageError(f"variable `{name}` would hold a NUL or bytes that are no text", hint="put it into a file")
    return text
