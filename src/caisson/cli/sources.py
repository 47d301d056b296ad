"""Where commands get collateral from: a file, or a service with or without a cache."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from caisson.cli.files import named, read_bytes
from caisson.cli.output import say
from caisson.errors import UsageError
from caisson.evidence import (
    MOST_PER_MINUTE,
    Certificate,
    Collateral,
    CollateralCache,
    NamedPcks,
    PcsClient,
    PlatformKind,
    RootKey,
    TcbChoice,
    TcbUpdate,
    check_collateral,
    platform_kind_of,
    quote_of,
    web_client,
)

_ONE_PLACE = "give either `--pcs URL` or `--collateral FILE`"
_PCS = "give `--pcs URL`, too"
_FETCHED = "make it with `caisson collateral fetch`"
_MOST_AGE = timedelta(days=1)
_EARLY = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class PcsAddress:
    """A provisioning service, how to know it is the right one, and which TCB evaluation to ask it for."""

    url: str
    ca: Path | None = None
    key_file: Path | None = None
    choice: TcbChoice

    def fetch(self, quote: bytes) -> Collateral:
        """Fetch the collateral for a quote.

        Raises:
            Malformed: not a quote, or one that neither brings its PCK's chain nor names its PCK.
            Unavailable: the service does not answer, or does not know this platform.
        """
        with self.client() as client:
            return client.collateral(quote)

    @contextlib.contextmanager
    def client(self) -> Iterator[PcsClient]:
        """Give its client.

        Raises:
            UsageError: a file that it needs cannot be read.
        """
        with web_client(ca=self.ca) as client:
            yield PcsClient(self.url, client, self.choice, read_subscription(self.key_file))


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralSource:
    """A file, or a service with or without a cache; never both."""

    file: Path | None
    pcs: PcsAddress | None
    cache: Path | None
    stale_if_error: bool

    def __post_init__(self) -> None:
        if self.file is not None and self.pcs is not None:
            raise UsageError("collateral comes from one place", hint=_ONE_PLACE)
        if self.cache is not None and self.pcs is None:
            raise UsageError("`--collateral-cache` keeps what is fetched", hint=_PCS)
        if self.stale_if_error and self.cache is None:
            raise UsageError(
                "`--stale-if-error` is about what is kept", hint="give `--collateral-cache DIRECTORY`, too"
            )

    def get(self, quote: bytes, *, roots: frozenset[RootKey], at: datetime) -> Collateral:
        """Give the collateral for a quote; only what one of `roots` stands behind is kept in the cache.

        Raises:
            Malformed: not a quote, one that neither brings its PCK's chain nor names its PCK, or a file that is no
                collateral.
            Unavailable: the service does not answer, or does not know this platform.
            EvidenceRejected: what the service gave would not be kept, because it does not hold.
        """
        if self.file is not None:
            return read_collateral(self.file)
        pcs = self.pcs
        if pcs is None:
            raise UsageError("nobody says where the platform's collateral is", hint=_ONE_PLACE)
        with pcs.client() as client:
            # One platform's own, and not kept: the rest is about all of its kind.
            chain = client.pck_chain(quote)
            collateral = self.of_kind(client, platform_kind_of(quote, chain), roots=roots, at=at)
        return replace(collateral, pck_certificate_chain=chain)

    def of_kind(self, client: PcsClient, kind: PlatformKind, *, roots: frozenset[RootKey], at: datetime) -> Collateral:
        """Give the collateral of a kind of platform, from the cache if there is one, or from a service.

        Raises:
            Unavailable: the service does not answer, or does not know this kind of platform.
            EvidenceRejected: what the service gave would not be kept, because it does not hold.
        """
        if self.cache is None:
            return client.collateral_of(kind)
        cache = CollateralCache(
            directory=self.cache, most_age=_MOST_AGE, early=_EARLY, stale_if_error=self.stale_if_error
        )
        asked = client.choice.query()
        kept = cache.get(
            " ".join((client.url, kind.tee, str(kind.fmspc), kind.ca, *(f"{name}={asked[name]}" for name in asked))),
            lambda: client.collateral_of(kind),
            check=lambda collateral: check_collateral(collateral, roots=roots, at=at),
            at=at,
        )
        if kept.stale:
            say(f"warning: the provisioning service does not answer; collateral is of {kept.fetched}")
        return kept.collateral


def named_pcks(client: PcsClient | None, per_minute: int) -> NamedPcks | None:
    """Give what asks for the certificates of PCKs on behalf of strangers, if it may ask at all.

    Raises:
        UsageError: it may, and there is nobody to ask.
    """
    if not per_minute:
        return None
    if client is None:
        raise UsageError("`--pcks-per-minute` is about questions to a provisioning service", hint=_PCS)
    return NamedPcks(client.pck_chain, per_minute=per_minute)


def read_subscription(file: Path | None) -> str | None:
    """Read the key that Intel's service asks for, if there is one.

    Raises:
        UsageError: the file cannot be read, or by everybody.
    """
    if file is None:
        return None
    from caisson.keyserver import read_private  # noqa: PLC0415 - takes long to import

    return read_private(file, what="subscription key").reveal().decode("latin-1").strip()


def read_collateral(path: Path) -> Collateral:
    """Read the collateral for quotes from a file.

    Raises:
        UsageError: it cannot be read.
        Malformed: it is none.
    """
    if path.is_dir():
        raise UsageError(f"collateral for a quote is a file, and `{path}` is a directory", hint=_FETCHED)
    with named(path, hint=_FETCHED):
        return Collateral.parse(read_bytes(path))


def fetch_collateral(certificate: Certificate, pcs: str) -> Collateral:
    """Fetch the collateral for the evidence in a certificate from a service of this machine.

    Raises:
        Malformed: the certificate carries no evidence.
        Unavailable: the service does not answer.
    """
    return PcsAddress(url=pcs, choice=TcbChoice()).fetch(quote_of(certificate))


subscription_option = click.option(
    "--pcs-key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Subscription key, which Intel's service asks for where a quote does not bring its PCK's certificate.",
)
pcks_option = click.option(
    "--pcks-per-minute",
    type=click.IntRange(0, MOST_PER_MINUTE),
    default=0,
    show_default=True,
    help="Ask for so many certificates of PCKs for quotes that only name theirs, before anything vouches for them; "
    "with 0, they are refused.",
)


def pcs_options(*, default: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of a provisioning service, as `pcs`; without a default it may be none."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option(
            "--pcs",
            "url",
            metavar="URL",
            default=default,
            show_default=default is not None,
            help="Provisioning service that has the platform's collateral: Intel's, a PCCS, or the software platform.",
        )
        @click.option(
            "--pcs-ca",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Its certificate, or that of its authority, PEM.  [default: the system's authorities]",
        )
        @subscription_option
        @click.option(
            "--tcb-update",
            type=click.Choice([update.value for update in TcbUpdate]),
            help="Which of Intel's TCB evaluations.  [default: what the service gives]",
        )
        @click.option(
            "--tcb-evaluation-number", type=click.IntRange(0), help="A certain TCB evaluation, by its number."
        )
        @functools.wraps(command)
        def with_pcs(
            *,
            url: str | None,
            pcs_ca: Path | None,
            pcs_key_file: Path | None,
            tcb_update: str | None,
            tcb_evaluation_number: int | None,
            **options: Any,
        ) -> None:
            details = (pcs_ca, pcs_key_file, tcb_update, tcb_evaluation_number)
            if url is None and any(each is not None for each in details):
                raise UsageError("an option says how to ask a provisioning service, and none says which", hint=_PCS)
            choice = TcbChoice(
                update=None if tcb_update is None else TcbUpdate(tcb_update), number=tcb_evaluation_number
            )
            pcs = None if url is None else PcsAddress(url=url, ca=pcs_ca, key_file=pcs_key_file, choice=choice)
            command(pcs=pcs, **options)

        return with_pcs

    return decorate


cache_option = click.option(
    "--collateral-cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory in which fetched collateral is kept for a day.",
)
stale_option = click.option(
    "--stale-if-error", is_flag=True, help="Use what is kept for as long as it is valid if the service fails."
)


def collateral_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options for collateral, as `source`."""

    @pcs_options(default=None)
    @click.option(
        "--collateral",
        "collateral_file",
        type=click.Path(path_type=Path),
        help="Collateral from a file instead.",
    )
    @cache_option
    @stale_option
    @functools.wraps(command)
    def with_source(
        *,
        pcs: PcsAddress | None,
        collateral_file: Path | None,
        collateral_cache: Path | None,
        stale_if_error: bool,
        **options: Any,
    ) -> None:
        if pcs is None and collateral_file is None:
            raise UsageError("nobody says where the platform's collateral is", hint=_ONE_PLACE)
        source = CollateralSource(file=collateral_file, pcs=pcs, cache=collateral_cache, stale_if_error=stale_if_error)
        command(source=source, **options)

    return with_source
