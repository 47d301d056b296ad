"""What a container starts: ENTRYPOINT, CMD, ENV, WORKDIR and USER, put together as container engines do."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from caisson.errors import UsageError

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_RESERVED = "CAISSON_"
_ID = re.compile(r"[0-9]{1,10}")
_ID_FIELD = 2
_GROUP_FIELD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Numeric user and group."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


def merge_command(entrypoint: tuple[str, ...] | None, cmd: tuple[str, ...] | None) -> tuple[str, ...]:
    """Give the whole command line: ENTRYPOINT's words, then CMD's.

    Shell form needs no case of its own: builders have already written it as `/bin/sh -c TEXT`
    (OCI image-spec, config.md, `Entrypoint` and `Cmd`).

    Raises:
        UsageError: there is none.
    """
    command = (*(entrypoint or ()), *(cmd or ()))
    if not command or not command[0]:
        raise UsageError(
            "the image does not say what to run", hint="give a `command` under `[application]` in the recipe"
        )
    return command


def merge_environment(image: Iterable[str], recipe: dict[str, str], *, dropped: Iterable[str] = ()) -> dict[str, str]:
    """Give the program's environment: the image's variables, overruled by the recipe's; PATH is always there.

    Of the image's variables, those in `dropped` are left out.

    Raises:
        UsageError: the image has a variable without a name, or with one that is reserved or cannot be measured.
    """
    environment = {"PATH": DEFAULT_PATH}
    left_out = frozenset(dropped)
    for item in image:
        name, separator, value = item.partition("=")
        # Docker takes a variable without `=` from outside; here that needs a line in the recipe.
        if not separator or name in left_out:
            continue
        if name.startswith(_RESERVED) or _NAME.fullmatch(name) is None:
            raise UsageError(
                f"the image has a variable that it cannot have inside an enclave: `{name[:80]}`",
                hint="name it in `drop` under `[application]` in the recipe",
            )
        environment[name] = value
    return environment | recipe


def find_program(word: str, *, path: str, working_dir: str, exists: Callable[[str], bool]) -> str:
    """Find the file that a command's first word names, as `execvp` would.

    Raises:
        UsageError: the image has no such program.
    """
    if "/" in word:
        candidates = [word if word.startswith("/") else f"{working_dir.rstrip('/')}/{word}"]
    else:
        candidates = [f"{directory.rstrip('/')}/{word}" for directory in path.split(":") if directory.startswith("/")]
    for candidate in candidates:
        if exists(candidate):
            return candidate
    if word == "/bin/sh":
        raise UsageError(
            "the image's command is in shell form, and the image has no `/bin/sh`",
            hint="give the command as a list under `[application]` in the recipe",
        )
    raise UsageError(
        f"the image has no program `{word}` (looked for {', '.join(f'`{name}`' for name in candidates)})",
        hint="name one that exists as `command` under `[application]` in the recipe",
    )


def resolve_user(user: str, *, passwd: str, group: str) -> User:
    """Resolve USER (`name`, `uid`, `name:group`, `uid:gid`, or nothing for root) by the image's own tables.

    `passwd` and `group` are the texts of /etc/passwd and /etc/group, empty where the image has none.

    Raises:
        UsageError: a name that the tables do not have.
    """
    name, _, group_name = user.partition(":")
    account = _find(passwd, name or "0")
    if _ID.fullmatch(name or "0"):
        uid = int(name or "0")
    elif account is not None:
        uid = int(account[_ID_FIELD])
    else:
        raise UsageError(f"the image runs as user `{name}`, whom its /etc/passwd does not know")
    if not group_name:
        return User(uid=uid, gid=int(account[_GROUP_FIELD]) if account is not None else 0)
    if _ID.fullmatch(group_name):
        return User(uid=uid, gid=int(group_name))
    found = _find(group, group_name)
    if found is None:
        raise UsageError(f"the image runs as group `{group_name}`, which its /etc/group does not know")
    return User(uid=uid, gid=int(found[_ID_FIELD]))


def _find(table: str, key: str) -> list[str] | None:
    """Find a line of a colon-separated table by name, or by number where the key is one."""
    column = _ID_FIELD if _ID.fullmatch(key) else 0
    for line in table.splitlines():
        fields = line.split(":")
        if len(fields) > _GROUP_FIELD and fields[column] == key and _ID.fullmatch(fields[_ID_FIELD]):
            return fields
    return None
