"""Who makes quotes, and who certifies them: aesmd, the quote provider, the PCCS."""

from caisson.doctor.aesm import MEANINGS, NOT_YET
from caisson.doctor.check import Check, Finding, Purpose, bad, good, of, unknown, warn
from caisson.doctor.readings import Aesmd, AesmdConfiguration, Certificates, QuoteProvider, Readings

_ATTEST = frozenset({Purpose.ATTEST})
_PCCS = "https://HOST:8081/sgx/certification/v4/"
_ECDSA = "ecdsa_256"
_SKEW = 300
_SOON = 7 * 86_400
_SIDECAR = "or let the deployment bring its own: `caisson deploy … --aesmd-image`"


def has_socket(found: Aesmd, _readings: Readings) -> Finding:
    """Judge whether aesmd takes connections."""
    if found.socket is not None:
        return good(f"aesmd takes connections at `{found.socket}`")
    if "permission" in found.refusal.lower():
        return bad(
            f"aesmd's socket lets this user not in: {found.refusal}",
            "neither will a program of this user get a quote",
            "its socket is for everybody by default: see its mode, and that of its directory",
        )
    return bad(
        f"no aesmd on this machine: {found.refusal}",
        "Gramine gets its quotes from aesmd and from nobody else",
        f"install `sgx-aesm-service` with `libsgx-aesm-quote-ex-plugin` and `libsgx-aesm-ecdsa-plugin`; {_SIDECAR}",
    )


def makes_quotes(found: Aesmd, _readings: Readings) -> Finding:
    """Judge aesmd's answer to being asked for its quoting enclave."""
    if found.error is None:
        return bad(
            f"aesmd gave no answer: {found.refusal}",
            "what listens there is not aesmd, or it hangs",
            "start it anew: `systemctl restart aesmd`",
        )
    if found.error == 0:
        return good("aesmd has its quoting enclave ready")
    meaning, remedy = MEANINGS.get(
        found.error, ("what that means is not known here", "see its log: `journalctl -u aesmd`")
    )
    seen = f"aesmd answers with error {found.error}: {meaning}"
    judge = warn if found.error == NOT_YET else bad
    return judge(seen, "programs get no quote, and so prove nothing", remedy)


def makes_ecdsa(found: AesmdConfiguration, _readings: Readings) -> Finding:
    """Judge what kind of quotes is the default."""
    if found.quoting_type == _ECDSA:
        return good(f"`{found.path}` says `{_ECDSA}`")
    said = "says nothing" if found.quoting_type is None else f"says `{found.quoting_type}`"
    return warn(
        f"`{found.path}` {said} of the default quoting type",
        "where aesmd could make several kinds it may choose another than DCAP's: error 38",
        f"put `default quoting type = {_ECDSA}` into it, and start aesmd anew",
    )


def finds_certificates(found: QuoteProvider, _readings: Readings) -> Finding:
    """Judge the quote provider's configuration."""
    if found.problem is not None or found.pccs_url is None:
        return bad(
            f"`{found.path}`: {found.problem}",
            "nobody tells the quote provider where certificates are",
            f'write `{{"pccs_url": "{_PCCS}"}}` into it, and start aesmd anew',
        )
    if any("/v3" in url for url in (found.pccs_url, found.collateral_url or "")):
        return warn(
            f"`{found.path}` names version 3 of the API: {found.pccs_url}",
            "Intel has ended it: what it still gives is what somebody kept",
            f"name version 4: `{_PCCS}`",
        )
    if found.local_only:
        return warn(
            f"`{found.path}` has `local_cache_only`",
            "new certificates are never fetched: when the TCB is renewed, quotes stop verifying",
            "set it to `false`, unless somebody brings the files",
        )
    if not found.secure:
        return warn(
            f"`{found.path}` has `use_secure_cert: false`: {found.pccs_url}",
            "whoever is in between can keep this machine on old certificates",
            "give the PCCS a certificate that is trusted here, and set it to `true`",
        )
    return good(f"`{found.path}`: {found.pccs_url}")


def gives_certificates(found: Certificates, _readings: Readings) -> Finding:
    """Judge how the PCCS answered."""
    if found.reached:
        return bad(
            found.reached,
            "quotes cannot be certified, nor verified with what it has",
            "see that it runs, that the way there is free, and that its certificate is trusted here",
        )
    wrong = [words for words in (found.revocation, found.identity) if words]
    if wrong:
        return bad(
            "; ".join(wrong),
            "the PCCS runs, but gets nothing from Intel's service",
            "see its log: its `ApiKey`, its way to the Internet, its `CachingFillMode`",
        )
    return good(f"{found.url} gives revocation lists and the quoting enclave's identity")


def is_fresh(found: Certificates, readings: Readings) -> Finding:
    """Judge the clock, and how long the root's revocation list is good for."""
    if found.root_expiry is None or found.clock is None:
        return unknown("the PCCS did not say what time it is, or gave no revocation list of the root")
    skew = readings.clock - found.clock
    if abs(skew) > _SKEW:
        return bad(
            f"this clock is {abs(skew)} seconds {'ahead of' if skew > 0 else 'behind'} the PCCS's",
            "certificates that are good look expired, or not valid yet",
            "let a time service set the clock, here and there",
        )
    left = found.root_expiry - readings.clock
    if left <= 0:
        return bad(
            f"the root's revocation list ran out {-left // 86_400} days ago",
            "every verification with what this PCCS has fails",
            "let it fetch anew: `RefreshSchedule`, or its administrator's `refresh`",
        )
    seen = f"the root's revocation list is good for {left // 86_400} days, the clocks agree"
    if left < _SOON:
        return warn(seen, "verification fails when it runs out", "let the PCCS fetch anew")
    return good(seen)


CHECKS = (
    Check(
        id="D20",
        name="aesmd-socket",
        title="aesmd takes connections",
        looks_at="the sockets at which Gramine looks: `@sgx_aesm_socket_base` and `/var/run/aesmd/aesm.socket`",
        why="Gramine gets quotes from Intel's aesmd, through the directory that is mounted into containers",
        purposes=_ATTEST,
        judge=of(lambda readings: readings.aesmd, has_socket),
        after=("D10",),
    ),
    Check(
        id="D21",
        name="aesmd-quote",
        title="aesmd can make quotes",
        looks_at="aesmd's answer to Gramine's first request, InitQuoteEx for Intel's ECDSA quoting enclave",
        why="its error codes say what is missing, from parts of aesmd to certificates of the platform",
        purposes=_ATTEST,
        judge=of(lambda readings: readings.aesmd, makes_quotes),
        after=("D20",),
    ),
    Check(
        id="D22",
        name="aesmd-type",
        title="aesmd makes ECDSA quotes",
        looks_at="`default quoting type` in `/etc/aesmd.conf`",
        why="Caisson, like all of DCAP, verifies ECDSA quotes only",
        purposes=_ATTEST,
        judge=of(lambda readings: readings.aesmd_configuration, makes_ecdsa),
        after=("D10",),
        decides=False,
    ),
    Check(
        id="D23",
        name="quote-provider",
        title="the quote provider knows where certificates are",
        looks_at="`pccs_url`, `use_secure_cert`, `collateral_service`, `local_cache_only` in `sgx_default_qcnl.conf`",
        why="a quote without its platform's certificate convinces nobody",
        purposes=_ATTEST,
        judge=of(lambda readings: readings.quote_provider, finds_certificates),
        after=("D10",),
        decides=False,
    ),
    Check(
        id="D24",
        name="pccs",
        title="the PCCS answers",
        looks_at="what the PCCS gives for `rootcacrl`, `pckcrl` and `qe/identity`, asked as the quote provider would",
        why="it hands out the platform's certificates, and what verifiers need",
        purposes=_ATTEST,
        judge=of(lambda readings: readings.certificates, gives_certificates),
        after=("D23",),
        decides=False,
    ),
    Check(
        id="D25",
        name="pccs-time",
        title="what the PCCS has is current",
        looks_at="the end of the root's revocation list, and the PCCS's clock against this one",
        why="verification fails on lists that ran out, and on clocks that are wrong",
        purposes=_ATTEST,
        judge=of(lambda readings: readings.certificates, is_fresh),
        after=("D23", "D24"),
        decides=False,
    ),
)
