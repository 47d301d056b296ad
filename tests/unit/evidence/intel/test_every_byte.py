"""Every byte counts: whichever is changed, in a quote or in its collateral, the evidence is refused."""

from dataclasses import fields, replace

import pytest

from caisson.errors import Rejected
from caisson.evidence import Collateral, verify_intel_quote
from caisson.tdx import TdBody
from tests.unit.evidence.conftest import Scene
from tests.unit.evidence.domains import BASE, DomainScene, domain

PARTS = [part.name for part in fields(Collateral) if part.name != "pck_certificate_chain"]
SCENES = {
    "an enclave": Scene.of,
    "a domain in version 4": lambda platform: DomainScene.on(platform, domain(TdBody, tee_tcb_svn=BASE), 4),
    "a domain in version 5": DomainScene.on,
}


@pytest.fixture(scope="module")
def scenes(platform):
    return {name: make(platform) for name, make in SCENES.items()}


def accepted(octets, verify):
    """Give the offsets at which a changed bit made no difference."""

    def holds(changed):
        try:
            verify(changed)
        except Rejected:
            return False
        return True

    assert holds(octets)
    flipped = (octets[:at] + bytes((octets[at] ^ 1 << at % 8,)) + octets[at + 1 :] for at in range(len(octets)))
    return [at for at, changed in enumerate(flipped) if holds(changed)]


@pytest.mark.parametrize("name", SCENES)
def test_of_a_quote(scenes, name):
    scene = scenes[name]
    collateral = Collateral.parse(scene.collateral)

    def verify(quote):
        verify_intel_quote(quote, collateral, roots=scene.roots, at=scene.at)

    assert not accepted(scene.quote, verify)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", ["an enclave", "a domain in version 5"])
def test_of_collateral(scenes, name, part):
    scene = scenes[name]
    collateral = Collateral.parse(scene.collateral)

    def verify(octets):
        verify_intel_quote(scene.quote, replace(collateral, **{part: octets}), roots=scene.roots, at=scene.at)

    assert not accepted(getattr(collateral, part), verify)
