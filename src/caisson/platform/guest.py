"""The other side of the platform's socket: an enclave of one's own, and what local attestation needs of it.

Source: Intel SDM vol. 3D, 38.4 (EREPORT, EGETKEY); docs/reference/platform-socket.md.
"""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from caisson.errors import Malformed, PlatformRejected, Unavailable
from caisson.platform.mac import verify_mac
from caisson.platform.wire import HEADER, SIZE, Operation, Status
from caisson.sgx import (
    Attributes,
    KeyName,
    KeyPolicy,
    KeyRequest,
    Report,
    ReportBody,
    ReportData,
    SigStruct,
    TargetInfo,
)

_PATIENCE = 60.0
_MOST_ANSWER = 64 * 1024
_NOTHING = Attributes(flags=0, xfrm=0)


class GuestEnclave:
    """An enclave on the platform at the other end of a connection; it lives as long as the connection.

    What it does is what code inside an enclave does: EREPORT for others, and EGETKEY with a CMAC of its own for the
    REPORTs that others made for it.
    """

    def __init__(self, stream: socket.socket, identity: ReportBody) -> None:
        self._stream = stream
        self.identity = identity

    @classmethod
    @contextlib.contextmanager
    def launch(cls, platform: Path, *, pal: bytes, manifest: bytes, sigstruct: SigStruct) -> Iterator["GuestEnclave"]:
        """Build and initialise an enclave on the platform whose Unix socket is at `platform`.

        Raises:
            Unavailable: nobody answers there.
            PlatformRejected: no enclave can be built from these, or EINIT refuses.
        """
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(_PATIENCE)
            try:
                stream.connect(str(platform))
            except OSError as cause:
                raise Unavailable(
                    f"no software platform answers at `{platform}`: {cause.strerror or cause}",
                    hint="start one with `caisson platform serve`",
                ) from cause
            parts = (SIZE.pack(len(pal)), pal, SIZE.pack(len(manifest)), manifest, sigstruct.encode())
            _ask(stream, Operation.LAUNCH, b"".join(parts))
            # Any REPORT tells an enclave who it is; this one is for nobody.
            nobody = _ask(stream, Operation.EREPORT, bytes(TargetInfo.SIZE + ReportData.SIZE))
            yield cls(stream, Report.parse(nobody).body)

    @property
    def target_info(self) -> TargetInfo:
        """What others put into EREPORT to address this enclave."""
        return TargetInfo.of(self.identity)

    def report(self, target: TargetInfo, report_data: ReportData) -> Report:
        """Prove to `target`, and to nobody else, what this enclave is; `report_data` is what it wants to say.

        Raises:
            Unavailable: the platform went away.
        """
        return Report.parse(_ask(self._stream, Operation.EREPORT, target.encode() + report_data.value))

    def check(self, report: Report) -> ReportBody:
        """Check a REPORT that another enclave of this processor made for this one, and give what it says.

        Raises:
            PlatformRejected: made for another enclave, on another processor, or changed since.
            Unavailable: the platform went away.
        """
        request = KeyRequest(
            key_name=KeyName.REPORT,
            key_policy=KeyPolicy(0),
            isv_svn=0,
            cpu_svn=self.identity.cpu_svn,
            attribute_mask=_NOTHING,
            key_id=report.key_id,
            misc_mask=0,
            config_svn=0,
        )
        return verify_mac(report, _ask(self._stream, Operation.EGETKEY, request.encode()))


def _ask(stream: socket.socket, operation: Operation, payload: bytes) -> bytes:
    try:
        stream.sendall(HEADER.pack(operation, len(payload)) + payload)
        number, size = HEADER.unpack(_exactly(stream, HEADER.size))
        if size > _MOST_ANSWER:
            raise Malformed(f"the platform announces an answer of {size} bytes")
        answer = _exactly(stream, size)
    except OSError as cause:
        raise Unavailable(f"the software platform does not answer: {cause}") from cause
    try:
        status = Status(number)
    except ValueError as cause:
        raise Malformed(f"the platform gives the unknown status {number}") from cause
    if status is not Status.SUCCESS:
        raise PlatformRejected(status.name, answer.decode(errors="replace").removeprefix(f"{status.name}: "))
    return answer


def _exactly(stream: socket.socket, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        piece = stream.recv(size - len(got))
        if not piece:
            raise ConnectionResetError("it hung up")
        got += piece
    return bytes(got)
