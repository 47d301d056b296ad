"""Another verifier, on everything there is: the verdict is the same, or docs/reference/dcap-qvl.md says why it is not.

Each line of that page is a difference that occurs here, with the number of cases in which it does.
"""

import json
import re
from collections import Counter
from datetime import timedelta
from functools import cache
from pathlib import Path

import dcap_qvl
from cryptography.hazmat.primitives.serialization import Encoding

from caisson.errors import Rejected
from caisson.evidence import Collateral, verify_intel_quote
from caisson.platform import Revocable, SoftwarePlatform, Standing, TcbStatus
from caisson.sgx import CertificationData
from caisson.tdx import TdAttributes, TdBody, TdFlags
from tests.unit.evidence.conftest import DEBUG, NOW, Scene, pem, signing_key
from tests.unit.evidence.domains import BASE, CURRENT, OLDER, DomainScene, domain, module, module_level
from tests.vectors import test_sgx_quotes as sgx

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "dcap-qvl.md"
# How a difference is known: by what the other says where it refuses, by what we say where we do.
THEIRS = {
    "missing field `sgxtcbcomponents`": "TCB info of version 2",
    "Debug mode is enabled": "debug",
    "SEPT_VE_DISABLE is not enabled": "SEPT_VE_DISABLE",
    "Invalid MR service TD": "service domains",
    "No matching TCB level found": "no TCB level",
    "is below minimum required": "no TCB level",
    "SGX TEE quote must have version 3": "enclaves in quotes of version 4",
    "TCB status is invalid": "revoked TCB level",
    "QE TCB status is Revoked": "revoked TCB level",
    "Failed to verify certificate chain": "chain of another PCK in the bundle",
}
OURS = {
    "bytes too many": "bytes after the quote, or a part",
    "levels of type": "TCB info of another type",
    "TCB info has version": "TCB info of a version to come",
    "has certification data of type": "type of the outer certification data",
    "chain of": "certificates in a chain",
    "has text that is not a certificate": "text in a chain",
    "which is not accepted": "root in a chain",
    "may not issue": "chain of the PCK's list",
    "has unknown members": "members of the bundle",
    "names a PCK of": "name of the PCK",
    "PCE-ID": "PCE-ID",
}


def ours(quote, collateral, seconds, roots=sgx.INTEL):
    try:
        verified = verify_intel_quote(quote, Collateral.parse(collateral), roots=roots, at=sgx.moment(seconds))
    except Rejected as error:
        return None, str(error)
    return (str(verified.tcb.status), list(verified.tcb.advisories)), ""


def theirs(quote, collateral, seconds, root=None):
    try:
        bundle = dcap_qvl.QuoteCollateralV3.from_json(json.dumps(collateral))
        if root is None:
            report = dcap_qvl.verify(quote, bundle, seconds)
        else:
            report = dcap_qvl.verify_with_root_ca(quote, bundle, root, seconds)
    except ValueError as error:
        return None, str(error)
    return (report.status, sorted(report.advisory_ids)), ""


def difference(us, them):
    """Name how two verdicts differ: nothing if they do not, and `?` followed by both if no name is known."""
    (verdict, why), (other, reason) = us, them
    if verdict == other:
        return None
    words, names = (reason, THEIRS) if other is None else (why, OURS)
    return next((name for part, name in names.items() if part in words), f"? {us} {them}")


def counted(cases):
    return Counter(name for name in (difference(*case) for case in cases) if name is not None)


def bundles():
    for quote in sgx.MANIFEST["quotes"]:
        for bundle in quote["bundles"]:
            yield (*sgx.read(quote["id"], bundle["collateral"]), bundle["time"])


def forgeries():
    return (sgx.mutated(mutant) for mutant in sgx.MUTATIONS)


@cache
def table():
    """Read the page: for each difference, how often it occurs among quotes, forgeries and our own scenes."""
    row = re.compile(r"^\| ([^|]+) \|[^|]+\|[^|]+\|[^|]+\| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
    found = row.findall(PAGE.read_text())
    return {name: tuple(map(int, numbers)) for name, *numbers in found}


def on_the_page(column):
    return {name: numbers[column] for name, numbers in table().items() if numbers[column]}


@sgx.pytestmark
def test_on_real_quotes_every_difference_is_on_the_page():
    cases = list(bundles())
    assert len(cases) == 55
    assert counted((ours(*case), theirs(*case)) for case in cases) == on_the_page(0)


@sgx.pytestmark
def test_on_forgeries_every_difference_is_on_the_page():
    cases = list(forgeries())
    assert len(cases) == 213
    assert counted((ours(*case), theirs(*case)) for case in cases) == on_the_page(1)


def make_platform(**standing):
    for name in {"tcb_status", "qe_status"} & standing.keys():
        standing[name] = TcbStatus(standing[name])
    return SoftwarePlatform.create(now=NOW, standing=Standing(**standing), signing_key=signing_key())


def enclaves():
    """Enclaves on platforms of every standing, and what may be wrong with one."""
    for status in ("UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"):
        yield Scene.of(make_platform(tcb_status=status, advisories=("INTEL-SA-00001",)))
    for status in ("OutOfDate", "OutOfDateConfigurationNeeded", "Revoked"):
        yield Scene.of(make_platform(tcb_status=status))
    for status in ("OutOfDate", "Revoked"):
        yield Scene.of(make_platform(qe_status=status, qe_advisories=("INTEL-SA-00002",)))
        yield Scene.of(make_platform(tcb_status="ConfigurationNeeded", qe_status=status))
    for revoked in Revocable:
        yield Scene.of(make_platform(revoked=frozenset({revoked})))
    platform = make_platform()
    good = Scene.of(platform)
    yield good
    yield Scene.of(platform, attributes=DEBUG)
    for days in (-1, 29, 31, 400):
        yield Scene(**fields(good) | {"at": good.at + timedelta(days=days)})
    for change in (
        {"fmspc": "00906ED50000"},
        {"pceId": "0001"},
        {"tcbType": 1},
        {"id": "TDX"},
        {"version": 4},
        {"tcbLevels": []},
        {"issueDate": "2027-01-01T00:00:00Z"},
    ):
        yield good.with_statement("tcb_info", lambda info, change=change: info.update(change))
    for change in (
        {"id": "TD_QE"},
        {"version": 3},
        {"mrsigner": "00" * 32},
        {"isvprodid": 9},
        {"miscselect": "01000000"},
        {"attributes": "13" + "00" * 15},
        {"tcbLevels": []},
        {"tcbLevels": [module_level("UpToDate", 99)]},
        {"issueDate": "2027-01-01T00:00:00Z"},
    ):
        yield good.with_statement("qe_identity", lambda identity, change=change: identity.update(change))
    yield good.with_statement("tcb_info", lambda info: [level["tcb"].update(pcesvn=99) for level in info["tcbLevels"]])
    yield Scene(**fields(good) | {"quote": good.quote + b"\0"})
    head, begin, chain = good.quote.partition(b"-----BEGIN")
    size = len(begin + chain) - 1
    yield Scene(**fields(good) | {"quote": head[:-4] + size.to_bytes(4, "little") + begin + chain})
    issued = good.platform.provisioning
    leaf, authority, root = (each.certificate for each in (issued.pck, issued.pck_ca, issued.root))
    another = make_platform().provisioning
    for chain in ((leaf, authority), (leaf, authority, root, root), (leaf, authority, another.root.certificate)):
        yield good.with_chain(*chain)
    chain = b"text\n".join(pem(each) for each in (leaf, authority, root))
    yield good.with_signature(certification=CertificationData(kind=5, data=chain))
    yield good.with_collateral(pck_crl_issuer_chain=good.collateral["tcb_info_issuer_chain"])
    yield good.with_collateral(version="3")
    yield good.with_collateral(pck_certificate_chain=another.pck_chain)
    pck = good.verify().pck
    for ppid, kind in ((b"?" * 384, 3), (b"?" * 256, 2), (pck.ppid.value, 1)):
        data = ppid + pck.cpu_svn.value + pck.pce_svn.to_bytes(2, "little") + pck.pce_id.value
        yield good.with_signature(certification=CertificationData(kind=kind, data=data))
        yield good.with_signature(certification=CertificationData(kind=kind, data=data[:-3] + b"\xff" + data[-2:]))


def domains():
    """Trust domains of each kind, under modules of every standing."""
    platform = make_platform()
    good = DomainScene.on(platform)
    yield good
    yield DomainScene.on(platform, domain(TdBody, tee_tcb_svn=BASE), 4)
    yield DomainScene.on(platform, Scene.of(platform).verify().report, 4)
    for launch in (CURRENT, OLDER):
        for now in (CURRENT, OLDER):
            yield good.signed(body=domain(tee_tcb_svn=launch, tee_tcb_svn2=now))
    for bits in (0, TdFlags.DEBUG | TdFlags.SEPT_VE_DISABLE):
        yield good.signed(body=domain(td_attributes=TdAttributes(int(bits).to_bytes(8, "little"))))
    for levels in ([module_level("Revoked", 0)], [module_level("OutOfDate", 0)], [module_level("UpToDate", 9)]):
        identities = [module(id="TDX_01", tcbLevels=levels)]
        yield good.with_statement("tcb_info", lambda info, new=identities: info.update(tdxModuleIdentities=new))
    for change in ({"mrsigner": "01" * 48}, {"attributes": "01" + "00" * 7}, {"id": "TDX_02"}):
        identities = [module(id="TDX_01", tcbLevels=[module_level("UpToDate", 0)]) | change]
        yield good.with_statement("tcb_info", lambda info, new=identities: info.update(tdxModuleIdentities=new))


def fields(scene):
    return {name: getattr(scene, name) for name in ("platform", "quote", "collateral", "roots", "at")}


def test_on_platforms_of_our_own_every_difference_is_on_the_page():
    def verdicts(scene):
        root = scene.platform.provisioning.root.certificate.public_bytes(Encoding.DER)
        case = scene.quote, scene.collateral, int(scene.at.timestamp())
        return ours(*case, roots=scene.roots), theirs(*case, root=root)

    cases = [verdicts(scene) for scenes in (enclaves, domains) for scene in scenes()]
    assert sum(us[0] is not None and them[0] is not None for us, them in cases) >= 15
    assert sum(us[0] is None and them[0] is None for us, them in cases) >= 15
    assert counted(cases) == on_the_page(2)


def test_the_page_names_nothing_that_does_not_occur():
    assert table()
    assert set(table()) == {*THEIRS.values(), *OURS.values()}
    assert all(any(numbers) for numbers in table().values())
