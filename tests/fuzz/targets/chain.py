"""Chains in PEM, as quotes and collateral carry them."""

from caisson.evidence.intel.path import PCK_PHRASE, TCB_SIGNING_PHRASE, parse_chain, verify_authority, verify_path
from caisson.evidence.snp.endorsement import parse_chain as parse_amd_chain
from tests.fuzz.evidence import PLATFORM, SCENE, each, real, real_collateral


def check(raw):
    each(lambda: _intel(raw), lambda: parse_amd_chain(raw))


def _intel(raw):
    chain = parse_chain(raw)
    each(
        lambda: verify_path(chain, length=3, leaf_phrase=PCK_PHRASE, roots=SCENE.roots),
        lambda: verify_path(chain, length=2, leaf_phrase=TCB_SIGNING_PHRASE, roots=SCENE.roots),
        lambda: verify_authority(chain, roots=SCENE.roots),
    )


def extra_seeds():
    provisioning = PLATFORM.provisioning
    ours = (provisioning.pck_chain, provisioning.pck_crl_chain, provisioning.signer_chain)
    theirs = {bundle["tcb_info_issuer_chain"] for bundle in real_collateral()}
    amd = real("google-go-sev-guest/verify-trust/*.pem")
    return [*(chain.encode() for chain in (*ours, *sorted(theirs)[:10])), *amd]
