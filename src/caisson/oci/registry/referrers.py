"""Asking a registry what refers to a manifest (OCI distribution-spec 1.1, "Listing Referrers")."""

import re

from caisson.errors import Unavailable
from caisson.oci.descriptor import Descriptor, MediaType
from caisson.oci.digest import Digest
from caisson.oci.manifest import ImageIndex
from caisson.oci.registry.session import Request, Session
from caisson.oci.registry.tokens import Scopes

_OK, _NOT_FOUND = 200, 404
_NEXT = re.compile(r'<([^<>]{1,4000})>\s*;\s*rel="?next"?')
_MAX_PAGES = 100


def list_referrers(session: Session, repository: str, subject: Digest, scopes: Scopes) -> tuple[Descriptor, ...] | None:
    """Ask page by page; None if the registry has no such API.

    Raises:
        Malformed: the answer is no index.
        Unavailable: the registry does not answer, or its list has no end.
    """
    url = f"{repository}/referrers/{subject}"
    found: dict[Digest, Descriptor] = {}
    for _ in range(_MAX_PAGES):
        answer, raw = session.fetch(Request(method="GET", url=url, scopes=scopes, headers={"Accept": MediaType.INDEX}))
        if answer.status_code == _NOT_FOUND:
            return None
        if answer.status_code != _OK:
            raise session.failure(answer, f"list what refers to `{repository}`", raw)
        found.update({each.digest: each for each in ImageIndex.parse(raw).manifests})
        following = _NEXT.search(answer.headers.get("Link", ""))
        if following is None:
            return tuple(found.values())
        url = str(session.named(answer, following.group(1)))
    raise Unavailable(f"registry `{session.host}` lists referrers without end")
