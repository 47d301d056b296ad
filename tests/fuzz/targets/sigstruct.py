"""SIGSTRUCTs: what is read is written as the same bytes."""

from caisson.enclave import verify_sigstruct
from caisson.sgx import SigStruct


def check(raw):
    sigstruct = SigStruct.parse(raw)
    assert sigstruct.encode() == raw
    verify_sigstruct(sigstruct)
