"""How a table of the manifest is read and written by what the table of keys says of it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from caisson.enclave import toml
from caisson.enclave.manifest.key import Key, Kind
from caisson.enclave.manifest.keys import in_section
from caisson.enclave.table import Table
from caisson.errors import Malformed

# Where the model's field is not called as the key is: a Python keyword, and tables of a single key.
_FIELDS = {
    "sys.debug__mock_syscalls[].return": "returned",
    "sys.stack.size": "stack_size",
    "sys.brk.max_size": "brk_max_size",
    "sys.fds.limit": "fds_limit",
}


@cache
def _keys(section: str) -> tuple[Key, ...]:
    return in_section(section)


def take(table: Table, section: str, *, missing: Collection[str] = ()) -> dict[str, Any]:
    """Take the plain values of a section out of its table, by the names of the model's fields.

    What is always written must be there, but for keys in `missing`.

    Raises:
        Malformed: a missing or wrong value.
    """
    left, taken = set(table), {}
    for key in _keys(section):
        if key.last in left:
            taken[_field(key)] = _checked(table.any(key.last), key)
        elif key.written and key.last not in missing:
            raise Malformed(f"manifest lacks `{key.name}`")
    return taken


def lines(
    header: str,
    section: str,
    model: object,
    *,
    leave_out: Collection[str] = (),
    also: Mapping[str, toml.Value] = MappingProxyType({}),
) -> Iterator[str]:
    """Write a section: what is always written, what differs from Gramine's default, and `also`."""
    yield from pairs(header, {**dict(_values(section, model, leave_out)), **also})


def lines_if_any(header: str, section: str, model: object) -> Iterator[str]:
    """Write a section, or nothing where all of it is Gramine's default."""
    if values := dict(_values(section, model, ())):
        yield from pairs(header, values)


def pairs(header: str, values: Mapping[str, toml.Value]) -> Iterator[str]:
    """Write a header and what stands below it."""
    yield header
    for key, value in values.items():
        yield f"{key} = {toml.write_value(value)}"
    yield ""


def require_valid(section: str, model: object) -> None:
    """Check the values of a model that was not read but made.

    Raises:
        Malformed: a value that its key cannot have.
    """
    for key in _keys(section):
        value = getattr(model, _field(key))
        if value is not None:
            _checked(list(value) if isinstance(value, tuple) else value, key)


def require_valid_value(key: Key, value: Any) -> None:
    """Check one value of a key.

    Raises:
        Malformed: a value that the key cannot have.
    """
    _checked(value, key)


def require_unique(ordered: Sequence[str], what: str) -> None:
    """Make sure that no name is there twice.

    Raises:
        Malformed: one is.
    """
    for one, other in pairwise(ordered):
        if one == other:
            raise Malformed(f"manifest has the {what} {one[:80]!r} twice")


def require_bare(name: str, what: str) -> None:
    """Make sure that a name can be a key without quotes.

    Raises:
        Malformed: it cannot.
    """
    if not toml.is_bare_key(name):
        raise Malformed(
            f"manifest cannot hold a {what} named {name[:40]!r}",
            hint="use only letters, digits, `_` and `-` in its name",
        )


def _values(section: str, model: object, leave_out: Collection[str]) -> Iterator[tuple[str, toml.Value]]:
    for key in _keys(section):
        value = getattr(model, _field(key))
        if key.last not in leave_out and value is not None and (key.written or value not in (key.default, ())):
            yield key.last, value


def _field(key: Key) -> str:
    return _FIELDS.get(key.name, key.last)


def _checked(value: Any, key: Key) -> Any:
    if fault := key.fault(value):
        raise Malformed(f"manifest has `{key.name}`, which {fault}")
    return tuple(value) if key.kind is Kind.TEXTS else value
