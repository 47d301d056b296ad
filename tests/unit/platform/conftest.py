"""A platform, and enclaves to launch on it."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import dcap_qvl
import pytest

from caisson.platform import Enclave, SoftwarePlatform, Standing, generate_signing_key, measure, sign_enclave
from caisson.sgx import Attributes, ReportData, SigStruct

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PRODUCTION = Attributes(flags=0x4, xfrm=0x3)
DEBUG = Attributes(flags=0x6, xfrm=0x3)


@dataclass(frozen=True)
class Program:
    """Something to launch: a construction log, its signature, and the attributes that the loader asks for."""

    log: tuple[bytes, ...]
    sigstruct: SigStruct
    attributes: Attributes = PRODUCTION
    misc_select: int = 0

    def launch(self, platform: SoftwarePlatform) -> Enclave:
        return platform.launch(
            log=self.log, sigstruct=self.sigstruct, attributes=self.attributes, misc_select=self.misc_select
        )

    def but(self, **changes) -> "Program":
        """The same program but for its SIGSTRUCT, which is changed without being signed again."""
        return replace(self, sigstruct=replace(self.sigstruct, **changes))


class Verdicts:
    """What dcap-qvl, written by others, says about our quotes."""

    def __call__(self, platform, enclave, *, root=None, collateral=None, at=NOW):
        quote = platform.quote(enclave.ereport(platform.quoting_enclave.target_info, ReportData(bytes(64))))
        return self.on(quote, collateral or platform.collateral(), root or platform.root_certificate, at)

    def on(self, quote, collateral, root, at=NOW):
        members = {name: value for name, value in collateral.items() if name != "pck_certificate_chain"}
        return dcap_qvl.verify_with_root_ca(
            quote, dcap_qvl.QuoteCollateralV3.from_json(json.dumps(members)), root, int(at.timestamp())
        )


@pytest.fixture(scope="session")
def now():
    return NOW


@pytest.fixture(scope="session")
def verdict():
    return Verdicts()


@pytest.fixture(scope="session")
def signing_key():
    return generate_signing_key()


@pytest.fixture(scope="session")
def other_key():
    return generate_signing_key()


@pytest.fixture(scope="session")
def make_platform(signing_key):
    """Make a platform; keyword arguments are those of `Standing`, or `machine`."""

    def make(*, machine=None, **standing):
        return SoftwarePlatform.create(now=NOW, standing=Standing(**standing), machine=machine, signing_key=signing_key)

    return make


@pytest.fixture(scope="session")
def platform(make_platform):
    return make_platform()


@pytest.fixture(scope="session")
def make_program(signing_key):
    def make(name="program", *, key=None, attributes=PRODUCTION, svn=3, prod_id=7):
        log = (name.encode().ljust(64, b"\0"),)
        sigstruct = sign_enclave(
            key or signing_key, mr_enclave=measure(log), attributes=attributes, isv_prod_id=prod_id, isv_svn=svn
        )
        return Program(log, sigstruct, attributes)

    return make


@pytest.fixture
def program(make_program):
    return make_program()


@pytest.fixture
def debug_program(make_program):
    return make_program(attributes=DEBUG)
