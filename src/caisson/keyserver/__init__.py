"""The key server: hands secrets to programs that proved what they are, and says later to whom and why."""

from caisson.keyserver.activation import Activations
from caisson.keyserver.allowance import MOST_UNUSED, Allowance
from caisson.keyserver.audit import AuditDigest, AuditHead, AuditRecord, verify_chain
from caisson.keyserver.client import KeyServerClient
from caisson.keyserver.collaterals import Collaterals
from caisson.keyserver.generation import Generation, SecretKind
from caisson.keyserver.http import build_app
from caisson.keyserver.operator import Operator
from caisson.keyserver.records import RecordInfo
from caisson.keyserver.secret import Secret
from caisson.keyserver.server import KeyServer, PublicFace
from caisson.keyserver.serving import GivenTls, ServerTls, listen, serve, subject_names
from caisson.keyserver.state import (
    ensure_state,
    initialise_state,
    memory_server,
    open_state,
    public_face,
    read_private,
    write_private,
)
from caisson.keyserver.tokens import TokenInfo
from caisson.keyserver.workload import MOST_LIFETIME_HOURS, Workload

__all__ = [
    "MOST_LIFETIME_HOURS",
    "MOST_UNUSED",
    "Activations",
    "Allowance",
    "AuditDigest",
    "AuditHead",
    "AuditRecord",
    "Collaterals",
    "Generation",
    "GivenTls",
    "KeyServer",
    "KeyServerClient",
    "Operator",
    "PublicFace",
    "RecordInfo",
    "Secret",
    "SecretKind",
    "ServerTls",
    "TokenInfo",
    "Workload",
    "build_app",
    "ensure_state",
    "initialise_state",
    "listen",
    "memory_server",
    "open_state",
    "public_face",
    "read_private",
    "serve",
    "subject_names",
    "verify_chain",
    "write_private",
]
