"""What collateral says of itself, for people who want to look at it. Nothing of it is verified."""

from dataclasses import dataclass
from datetime import datetime

from caisson.evidence.intel.collateral import Collateral
from caisson.evidence.intel.tcb import MOST_EVALUATION_NUMBER, SGX
from caisson.evidence.signed_json import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The head of a signed statement. TCB infos of version 2 are for SGX and do not say so."""

    identity: str
    issued: datetime
    next_update: datetime
    evaluation_data_number: int
    levels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Both signed statements, and the kind of platform that the first is about."""

    fmspc: str
    tcb_info: Statement
    qe_identity: Statement


def statements_of(collateral: Collateral) -> Statements:
    """Read the heads of TCB info and QE identity.

    Raises:
        Malformed: they cannot be read.
    """
    tcb_info = Fields.parse(collateral.tcb_info, what="TCB info")
    return Statements(
        fmspc=tcb_info.text("fmspc"),
        tcb_info=_statement(tcb_info),
        qe_identity=_statement(Fields.parse(collateral.qe_identity, what="QE identity")),
    )


def _statement(fields: Fields) -> Statement:
    return Statement(
        identity=fields.text("id") if "id" in fields.value else SGX,
        issued=fields.moment("issueDate"),
        next_update=fields.moment("nextUpdate"),
        evaluation_data_number=fields.integer("tcbEvaluationDataNumber", most=MOST_EVALUATION_NUMBER),
        levels=len(fields.members("tcbLevels")),
    )
