"""One guest's conversation with the platform: one connection, at most one enclave."""

from caisson.errors import Malformed
from caisson.platform.cpu import Enclave
from caisson.platform.loader import Loader
from caisson.platform.software import SoftwarePlatform
from caisson.platform.wire import SIZE, Operation, bad_request
from caisson.sgx import KeyRequest, Report, ReportData, SigStruct, TargetInfo


class Session:
    """Answers requests in order. It knows nothing of sockets."""

    def __init__(self, platform: SoftwarePlatform, loader: Loader) -> None:
        self._platform = platform
        self._loader = loader
        self._enclave: Enclave | None = None

    @property
    def launched(self) -> bool:
        """Whether there is an enclave."""
        return self._enclave is not None

    def answer(self, operation: Operation, payload: memoryview) -> bytes:
        """Carry out one request and give the answer's payload.

        Raises:
            PlatformRejected: `code` says why; the conversation is over.
        """
        try:
            match operation:
                case Operation.LAUNCH:
                    return self._launch(payload)
                case Operation.EREPORT:
                    target = TargetInfo.parse(bytes(payload[: TargetInfo.SIZE]))
                    return self._own().ereport(target, ReportData(bytes(payload[TargetInfo.SIZE :]))).encode()
                case Operation.EGETKEY:
                    return self._own().egetkey(KeyRequest.parse(bytes(payload)))
                case Operation.QE_TARGET_INFO:
                    return self._platform.quoting_enclave.target_info.encode()
                case Operation.QUOTE:
                    return self._platform.quote(Report.parse(bytes(payload)))
        except Malformed as cause:
            raise bad_request(cause.message) from cause

    def _launch(self, payload: memoryview) -> bytes:
        if self.launched:
            raise bad_request("this connection has an enclave already")
        pal, rest = _sized(payload)
        manifest, sigstruct = _sized(rest)
        if len(sigstruct) != SigStruct.SIZE:
            raise bad_request(f"LAUNCH ends in {len(sigstruct)} bytes of SIGSTRUCT, not {SigStruct.SIZE}")
        self._enclave = self._loader.launch(self._platform.cpu, pal=pal, manifest=manifest, sigstruct=sigstruct)
        identity = self._enclave.identity
        return identity.mr_enclave.value + identity.mr_signer.value

    def _own(self) -> Enclave:
        if self._enclave is None:
            raise bad_request("there is no enclave yet: LAUNCH comes first")
        return self._enclave


def _sized(payload: memoryview) -> tuple[memoryview, memoryview]:
    """Take a size and as many bytes off the front."""
    if len(payload) < SIZE.size:
        raise bad_request("LAUNCH is cut short")
    end = SIZE.size + SIZE.unpack_from(payload)[0]
    if end > len(payload):
        raise bad_request("LAUNCH announces more bytes than it has")
    return payload[SIZE.size : end], payload[end:]
