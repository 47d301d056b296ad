"""The verifier: its policies, its key, and where it gets collateral from."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from caisson.errors import EvidenceRejected, Unknown, UsageError
from caisson.evidence import (
    VENDOR_ROOTS,
    AnyPolicy,
    AttestationResult,
    Collateral,
    EarSigner,
    Evidence,
    EvidenceForm,
    NamedPcks,
    PlatformKind,
    Question,
    RootKey,
    check_own_signatures,
    check_signatures,
    examine,
    platform_kind_of,
)
from caisson.evidence.snp import SnpCollateral
from caisson.verifier.bodies import SnpBody, VerificationBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Answers questions about evidence. `fetch` gives a kind of platform's collateral under certain roots, or raises.

    `pcks` has the chains for quotes that only name their PCK; without it they are refused if nobody sends the chain.
    `second` is asked about the facts of what a policy accepts, and may only refuse.
    """

    policies: dict[str, AnyPolicy]
    signer: EarSigner
    fetch: Callable[[PlatformKind, frozenset[RootKey], datetime], Collateral] | None
    pcks: NamedPcks | None
    second: Callable[[dict[str, Any]], bool] | None
    lifetime: timedelta
    clock: Callable[[], datetime]

    def verify(self, body: VerificationBody, *, client: Hashable = None) -> tuple[AttestationResult, str]:
        """Give a client the verdict on evidence, and the token that says it.

        Raises:
            Malformed: evidence or collateral that is none.
            Unknown: there is no such policy.
            UsageError: collateral is missing or of another kind, or a policy is.
            TooMany: too many certificates of PCKs were asked for, by this client or by all.
            Unavailable: collateral could not be fetched, or the second opinion could not be had.
        """
        at = self.clock()
        policy = None if body.policy is None else self._policy(body.policy)
        question = Question(policy=policy, roots=VENDOR_ROOTS, at=at)
        evidence = Evidence.recognise(body.evidence)
        result = self._examine(evidence, body, question, client)
        if result.accepted and self.second is not None and not self.second({"tee": result.tee, **result.facts}):
            result = result.denied("the verifier's Rego policy does not allow it")
        return result, self.signer.sign(result, lifetime=self.lifetime, nonce=body.nonce)

    def _policy(self, name: str) -> AnyPolicy:
        if name not in self.policies:
            raise Unknown(f"there is no policy `{name}`", hint="`GET /v1/policies` lists them")
        return self.policies[name]

    def _examine(
        self, evidence: Evidence, body: VerificationBody, question: Question, client: Hashable
    ) -> AttestationResult:
        collateral, policy, at = _given(evidence, body), question.policy, question.at
        if collateral is not None:
            return examine(evidence, collateral, question)
        if self.fetch is None:
            raise UsageError("this verifier fetches no collateral", hint="send `collateral` with the evidence")
        quote, roots = evidence.quote, question.roots if policy is None else policy.roots
        try:
            # A forged quote is worth asking nobody.
            chain = self._chain(quote, client)
            check_signatures(quote, roots=roots, at=at, chain=chain)
            kind = platform_kind_of(quote, chain)
        except EvidenceRejected as error:
            return AttestationResult.refused(error, policy=policy, at=at)
        collateral = self.fetch(kind, roots, at)
        result = examine(evidence, replace(collateral, pck_certificate_chain=chain), question)
        if result.genuine and self.pcks is not None:
            self.pcks.keep(quote)
        return result

    def _chain(self, quote: bytes, client: Hashable) -> bytes | None:
        if self.pcks is None:
            return None
        return self.pcks.get(quote, client=client, check=lambda: check_own_signatures(quote))


def _given(evidence: Evidence, body: VerificationBody) -> Collateral | SnpCollateral | None:
    if evidence.form is EvidenceForm.SNP_REPORT:
        return _snp(body.snp)
    if body.snp is not None:
        raise UsageError("`snp` is for SNP reports, and the evidence is none")
    if body.collateral is None:
        return None
    given: dict[str, Any] = dict(body.collateral)
    return Collateral.parse(given)


def _snp(body: SnpBody | None) -> SnpCollateral:
    if body is None:
        raise UsageError("an SNP report needs its certificates", hint="send `snp` with the evidence")
    return SnpCollateral(vek=body.vek, chain=body.chain, crl=body.crl)
