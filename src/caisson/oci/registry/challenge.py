"""What a registry answers to whom it does not know: the header `WWW-Authenticate` (RFC 9110, 11.6.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SCHEME = re.compile(r"[ \t,]*([A-Za-z][A-Za-z0-9._-]*)(?:[ \t]+|$)")
_PARAMETER = re.compile(r'[ \t,]*([A-Za-z][A-Za-z0-9._-]*)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))[ \t]*(?:,|$)')
_MAX_LENGTH = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to authenticate; `scheme` and the parameters' names are in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def read_challenges(header: str) -> tuple[Challenge, ...]:
    """Read all challenges; from what is malformed on, nothing is read."""
    challenges: list[Challenge] = []
    position = 0
    while len(header) <= _MAX_LENGTH and (scheme := _SCHEME.match(header, position)) is not None:
        position = scheme.end()
        parameters: dict[str, str] = {}
        while (parameter := _PARAMETER.match(header, position)) is not None:
            name, quoted, plain = parameter.groups()
            parameters.setdefault(name.lower(), plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
            position = parameter.end()
        challenges.append(Challenge(scheme=scheme.group(1).lower(), parameters=parameters))
    return tuple(challenges)
