"""The provisioning service over HTTP: the part of Intel's PCS API v4 that quote verifiers use.

Source: Intel SGX and TDX Provisioning Certification Service API, v4; `rootcacrl` and hexadecimal lists as in Intel's
caching service (PCCS), so that either kind of client is served.
"""

import re
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import quote

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from caisson.errors import Unavailable
from caisson.platform.collateral import qe_identity, tcb_info
from caisson.platform.machine import PckCa
from caisson.platform.server import bind_tcp
from caisson.platform.software import SoftwarePlatform

_PREFIX = "/sgx/certification/v4"
_FMSPC = re.compile(r"[0-9A-Fa-f]{12}")
_PEM, _DER = "application/x-pem-file", "application/pkix-crl"
_READY = 10.0
_STEP = 0.01
_CLOSING = 5.0


def pcs_application(platform: SoftwarePlatform, clock: Callable[[], datetime]) -> Starlette:
    """Give the service of one platform. What it signs is dated to the last full hour but one of `clock`."""
    service = _Service(platform, clock)
    routes: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "pckcert": service.pck_certificate,
        "pckcrl": service.pck_crl,
        "rootcacrl": service.root_crl,
        "tcb": service.tcb,
        "qe/identity": service.qe_identity,
    }
    return Starlette(routes=[Route(f"{_PREFIX}/{path}", endpoint) for path, endpoint in routes.items()])


class PcsServer:
    """Serves `pcs_application` on TCP from a thread, until it is closed."""

    def __init__(self, application: Starlette, *, host: str, port: int) -> None:
        """Listen at once; on port 0, any free port.

        Raises:
            Unavailable: the address is not free, or the service does not start.
        """
        self._socket = bind_tcp(host, port)
        config = uvicorn.Config(
            application, log_config=None, access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True, name="platform-pcs"
        )
        self._thread.start()
        patience = threading.Event()
        for _ in range(int(_READY / _STEP)):
            if self._server.started:
                return
            patience.wait(_STEP)
        self.close()
        raise Unavailable("the provisioning service did not start")

    @property
    def port(self) -> int:
        """The port it listens on."""
        bound: int = self._socket.getsockname()[1]
        return bound

    def close(self) -> None:
        """Stop."""
        self._server.should_exit = True
        self._thread.join(_CLOSING)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Service:
    """The endpoints. A wrong query is 400, a right one about another machine 404, as Intel answers."""

    def __init__(self, platform: SoftwarePlatform, clock: Callable[[], datetime]) -> None:
        self._platform = platform
        self._provisioning = platform.provisioning
        self._clock = clock

    async def pck_certificate(self, request: Request) -> Response:
        """The certificate of the one machine, asked for by its quoting enclave's id, as a PCCS is."""
        machine = self._provisioning.machine
        query = request.query_params
        if "qeid" not in query or "pceid" not in query:
            return _status(HTTPStatus.BAD_REQUEST)
        asked = (query["qeid"].lower(), query["pceid"].lower())
        if asked != (self._platform.quoting_enclave.qe_id.hex(), machine.pce_id.hex()):
            return _status(HTTPStatus.NOT_FOUND)
        headers = {
            "SGX-PCK-Certificate-Issuer-Chain": quote(self._provisioning.pck_crl_chain),
            "SGX-TCBm": (machine.cpu_svn.value + machine.pce_svn.to_bytes(2, "little")).hex().upper(),
            "SGX-FMSPC": machine.fmspc.hex().upper(),
            "SGX-PCK-Certificate-CA-Type": machine.ca.value,
        }
        return Response(self._provisioning.pck.pem, media_type=_PEM, headers=headers)

    async def pck_crl(self, request: Request) -> Response:
        """The revocation list of one of the two kinds of PCK authority."""
        query = request.query_params
        if query.get("ca") not in set(PckCa) or query.get("encoding", "pem") not in {"pem", "der"}:
            return _status(HTTPStatus.BAD_REQUEST)
        if query["ca"] != self._provisioning.machine.ca:
            return _status(HTTPStatus.NOT_FOUND)
        der = self._provisioning.pck_crl(self._platform.standing, issued=self._issued())
        headers = {"SGX-PCK-CRL-Issuer-Chain": quote(self._provisioning.pck_crl_chain)}
        if query.get("encoding") == "der":
            return Response(der, media_type=_DER, headers=headers)
        pem = x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
        return Response(pem, media_type=_PEM, headers=headers)

    async def root_crl(self, request: Request) -> Response:
        """The root's revocation list: hexadecimal as a PCCS gives it, or DER if asked for."""
        encoding = request.query_params.get("encoding", "hex")
        if encoding not in {"hex", "der"}:
            return _status(HTTPStatus.BAD_REQUEST)
        der = self._provisioning.root_crl(self._platform.standing, issued=self._issued())
        return Response(der, media_type=_DER) if encoding == "der" else PlainTextResponse(der.hex())

    async def tcb(self, request: Request) -> Response:
        """The TCB info of the machine's FMSPC."""
        machine = self._provisioning.machine
        fmspc = request.query_params.get("fmspc", "")
        if not _FMSPC.fullmatch(fmspc):
            return _status(HTTPStatus.BAD_REQUEST)
        if bytes.fromhex(fmspc) != machine.fmspc:
            return _status(HTTPStatus.NOT_FOUND)
        text = tcb_info(machine, self._platform.standing, issued=self._issued())
        return self._document("tcbInfo", text, "TCB-Info-Issuer-Chain")

    async def qe_identity(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """The quoting enclave's identity."""
        text = qe_identity(self._platform.quoting_enclave.identity, self._platform.standing, issued=self._issued())
        return self._document("enclaveIdentity", text, "SGX-Enclave-Identity-Issuer-Chain")

    def _document(self, member: str, text: str, header: str) -> Response:
        # The signature is over these exact bytes: no encoder may touch them.
        body = f'{{"{member}":{text},"signature":"{self._provisioning.sign_document(text)}"}}'
        return Response(body, media_type="application/json", headers={header: quote(self._provisioning.signer_chain)})

    def _issued(self) -> datetime:
        # An hour back: a verifier may have looked at its clock before it asked, or have one that lags.
        return self._clock().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)


def _status(code: HTTPStatus) -> Response:
    return Response(status_code=code)
