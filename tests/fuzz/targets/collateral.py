"""Bundles of collateral: what is read is written so that the same is read again."""

import json

from caisson.evidence import Collateral, check_collateral, statements_of
from tests.fuzz.evidence import DOMAIN, SCENE, each, real


def check(raw):
    bundle = Collateral.parse(raw)
    assert Collateral.parse(bundle.encode()) == bundle
    each(
        lambda: bundle.next_update,
        lambda: statements_of(bundle),
        lambda: check_collateral(bundle, roots=SCENE.roots, at=SCENE.at),
    )


def extra_seeds():
    ours = [json.dumps(scene.collateral).encode() for scene in (SCENE, DOMAIN)]
    return [*ours, *sorted(real("*/*/collateral*.json"), key=len)[:20]]
