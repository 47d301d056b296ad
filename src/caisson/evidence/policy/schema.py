"""The JSON schema of policies, made of the same tables that read them."""

import json
from typing import Any

from caisson.evidence.policy import sgx, snp, tdx
from caisson.evidence.policy.files import VERSION_1, VERSION_2, VERSION_3, VERSION_4
from caisson.evidence.policy.kinds import Member, schema_of


def policy_schema() -> str:
    """Give the schema: one alternative for each TEE and version."""
    alternatives = [
        _alternative(sgx.TEE, VERSION_1, sgx.MEMBERS_1),
        _alternative(sgx.TEE, VERSION_2, sgx.MEMBERS_2),
        _alternative(tdx.TEE, VERSION_2, tdx.MEMBERS),
        _alternative(snp.TEE, VERSION_2, snp.MEMBERS_2),
        _alternative(snp.TEE, VERSION_3, snp.MEMBERS_3),
        _alternative(snp.TEE, VERSION_4, snp.MEMBERS_4),
    ]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Caisson appraisal policy",
        "oneOf": alternatives,
    }
    return json.dumps(schema, indent=2) + "\n"


def _alternative(tee: str, version: int, members: tuple[Member, ...]) -> dict[str, Any]:
    schema = schema_of(members)
    return {
        **schema,
        "title": f"{tee}, version {version}",
        "required": ["version", "tee", *schema["required"]],
        "properties": {"version": {"const": version}, "tee": {"const": tee}, **schema["properties"]},
    }
