"""What a reviewer asks of an entry, as far as a program can ask it: `caisson catalog lint`."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from caisson.catalog.entry import RECIPE, Entry, load, names
from caisson.conversion import companion, recipe_subject
from caisson.enclave.manifest import lint
from caisson.errors import CaissonError

_SECTIONS = ("**Protected**", "**Not protected**", "\n## Connecting\n", "\n## ")
_SHORTEST_PASSWORD = 20
_VERSION = re.compile(r":[a-z]*[0-9][A-Za-z0-9_.-]*(@|$)")
_NUMERIC = re.compile(r"[1-9]\d*:[1-9]\d*")
# NGINX's `fastcgi_pass`, `proxy_pass` and the like, its `server` in an upstream, and the `-b` of php-cgi.
_LOOPBACK = re.compile(r"(?:_pass|\bserver|\s-b)\s+(?:\w+://)?(?:127\.[\d.]+|localhost|\[::1\])(?=[:/;\s]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question: `wants` says what must hold, `faults` gives where it does not."""

    id: str
    wants: str
    faults: Callable[[Entry], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is missing in an entry, by the check that asks for it."""

    check: Check
    words: str


def review(entry: Entry) -> tuple[Fault, ...]:
    """Ask an entry all questions."""
    return tuple(Fault(check=check, words=words) for check in CHECKS for words in check.faults(entry))


def _page(entry: Entry) -> Iterator[str]:
    if not entry.page.startswith("# "):
        yield "the page has no title"
    for section in _SECTIONS:
        if section not in entry.page:
            yield f"the page lacks `{section.strip()}`"
    if re.search(r"(?m)^## .*[Ll]imits", entry.page) is None:
        yield "the page has no heading about limits"


def _conformance(entry: Entry) -> Iterator[str]:
    try:
        promises = entry.conformance()
    except CaissonError as error:
        yield error.message
        return
    if bool(promises.restart) != bool(entry.recipe.kept):
        yield "steps after a restart, and something that outlives it, go together"


def _client(entry: Entry) -> Iterator[str]:
    try:
        words = {word for step in entry.conformance().start for word in " ".join(step.command).split()}
    except CaissonError:  # said by another check
        return
    if not any(f"    {word} " in entry.page for word in words):
        yield "the page shows none of the clients that the promises are kept with"


def _health(entry: Entry) -> Iterator[str]:
    if any(recipe.healthcheck is None for recipe in entry.variants()):
        yield "there is no health check"


def _tls(entry: Entry) -> Iterator[str]:
    names = entry.recipe.provision.certificate
    if not entry.recipe.ports or "localhost" not in names.dns or not names.ip:
        yield "a port, and a certificate for `localhost` and an address, are needed"


def _user(entry: Entry) -> Iterator[str]:
    if any(_NUMERIC.fullmatch(recipe.application.user or "") is None for recipe in entry.variants()):
        yield "`application.user` is not a number and a group's, both other than 0"


def _identity(entry: Entry) -> Iterator[str]:
    if entry.recipe.name != entry.name:
        yield f"the recipe is named `{entry.recipe.name}`"
    number = entry.recipe.enclave.isv_prod_id
    for other in names():
        if other != entry.name and load(other).recipe.enclave.isv_prod_id == number:
            yield f"`isv_prod_id` {number} is that of `{other}`, too"


def _secrets(entry: Entry) -> Iterator[str]:
    provision = entry.recipe.provision
    used = " ".join([*(file.content for file in provision.file), *provision.env.values(), *provision.fs_keys.values()])
    for secret in provision.secret:
        if secret.name not in used:
            yield f"the secret `{secret.name}` goes nowhere"
        if secret.kind == "password" and (secret.length or 0) < _SHORTEST_PASSWORD:
            yield f"the password `{secret.name}` is shorter than {_SHORTEST_PASSWORD}"


def _sizes(entry: Entry) -> Iterator[str]:
    before = entry.raw.decode().partition("\n[enclave]\n")[0].rpartition("\n")[2]
    if not before.startswith("#"):
        yield f"`{RECIPE}` does not say, above `[enclave]`, where its size and threads come from"


def _sources(entry: Entry) -> Iterator[str]:
    source = entry.recipe.source
    if source.debian is None and source.image is None:
        yield "nothing says where the program comes from"
    for recipe in entry.variants():
        command = recipe.application.command or ("",)
        if not command[0].startswith("/"):
            yield f"the program is not named by its path: `{command[0]}`"
    if source.image is not None and _VERSION.search(source.image.reference) is None:
        yield f"`{source.image.reference}` names no version"


def _manifest(entry: Entry) -> Iterator[str]:
    for recipe in entry.variants():
        for finding in lint(recipe_subject(recipe)):
            yield f"{finding.rule.id} {finding.rule.severity.word}: {finding.where}: {finding.rule.reason}"


def _beside(entry: Entry) -> Iterator[str]:
    for wanted in entry.recipe.beside:
        try:
            companion(entry.recipe, wanted, load(wanted.entry).recipe)
        except CaissonError as error:
            yield error.message


def _loopback(entry: Entry) -> Iterator[str]:
    for file in {file.path: file for recipe in entry.variants() for file in recipe.file}.values():
        for found in _LOOPBACK.finditer(file.content):
            yield f"`{file.path}` has `{found.group().strip()}`: take a Unix socket"


CHECKS = (
    Check(id="C01", wants="its name is the recipe's, and its product number nobody else's", faults=_identity),
    Check(id="C02", wants="its page says what is protected and what is not, how to connect, and limits", faults=_page),
    Check(id="C03", wants="it promises what its own clients see, and that data outlive a restart", faults=_conformance),
    Check(id="C04", wants="its page shows a client that the promises are kept with", faults=_client),
    Check(id="C05", wants="an engine can find out whether it answers", faults=_health),
    Check(id="C06", wants="it has a certificate under names that people use", faults=_tls),
    Check(id="C07", wants="it runs as nobody in particular", faults=_user),
    Check(id="C08", wants="its secrets are used, and long", faults=_secrets),
    Check(id="C09", wants="the size of its enclave has a reason", faults=_sizes),
    Check(id="C10", wants="each of its sources is complete, and of a certain version", faults=_sources),
    Check(id="C11", wants="the rules for manifests find nothing in it, of whatever severity", faults=_manifest),
    Check(id="C12", wants="what it wants beside it is in the catalog, and stands alone", faults=_beside),
    Check(id="C13", wants="its processes do not talk over the loopback, which is the host's", faults=_loopback),
)
