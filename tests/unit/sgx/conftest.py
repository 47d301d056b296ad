"""Any value of the structures that SGX passes around."""

import pytest
from hypothesis import strategies as st

from caisson.sgx import (
    Attributes,
    CertificationData,
    CpuSvn,
    KeyName,
    KeyPolicy,
    KeyRequest,
    MrEnclave,
    MrSigner,
    QeSignature,
    Quote,
    QuoteHeader,
    Report,
    ReportBody,
    ReportData,
    SigStruct,
    TargetInfo,
)

U16, U32, U64 = (st.integers(0, (1 << bits) - 1) for bits in (16, 32, 64))


def octets(size):
    return st.binary(min_size=size, max_size=size)


ATTRIBUTES = st.builds(Attributes, flags=U64, xfrm=U64)
CPU_SVN = octets(16).map(CpuSvn)
MR_ENCLAVE, MR_SIGNER = octets(32).map(MrEnclave), octets(32).map(MrSigner)
BODY = st.builds(
    ReportBody,
    cpu_svn=CPU_SVN,
    misc_select=U32,
    isv_ext_prod_id=octets(16),
    attributes=ATTRIBUTES,
    mr_enclave=MR_ENCLAVE,
    mr_signer=MR_SIGNER,
    config_id=octets(64),
    isv_prod_id=U16,
    isv_svn=U16,
    config_svn=U16,
    isv_family_id=octets(16),
    report_data=octets(64).map(ReportData),
)
HEADER = st.builds(
    QuoteHeader,
    version=st.just(3),
    attestation_key_type=U16,
    tee_type=U32,
    qe_svn=U16,
    pce_svn=U16,
    qe_vendor_id=octets(16),
    user_data=octets(20),
)
STRUCTURES = {
    Attributes: ATTRIBUTES,
    ReportBody: BODY,
    Report: st.builds(Report, body=BODY, key_id=octets(32), mac=octets(16)),
    TargetInfo: st.builds(
        TargetInfo,
        mr_enclave=MR_ENCLAVE,
        attributes=ATTRIBUTES,
        config_svn=U16,
        misc_select=U32,
        config_id=octets(64),
    ),
    KeyRequest: st.builds(
        KeyRequest,
        key_name=st.sampled_from(KeyName),
        key_policy=st.integers(0, 3).map(KeyPolicy),
        isv_svn=U16,
        cpu_svn=CPU_SVN,
        attribute_mask=ATTRIBUTES,
        key_id=octets(32),
        misc_mask=U32,
        config_svn=U16,
    ),
    SigStruct: st.builds(
        SigStruct,
        vendor=U32,
        date=st.text("0123456789", min_size=8, max_size=8),
        sw_defined=U32,
        modulus=octets(384),
        exponent=U32,
        signature=octets(384),
        misc_select=U32,
        misc_mask=U32,
        isv_family_id=octets(16),
        attributes=ATTRIBUTES,
        attribute_mask=ATTRIBUTES,
        mr_enclave=MR_ENCLAVE,
        isv_ext_prod_id=octets(16),
        isv_prod_id=U16,
        isv_svn=U16,
        q1=octets(384),
        q2=octets(384),
    ),
    QuoteHeader: HEADER,
    Quote: st.builds(
        Quote,
        header=HEADER,
        body=BODY,
        signature=st.builds(
            QeSignature,
            signature=octets(64),
            attestation_key=octets(64),
            qe_report=BODY,
            qe_report_signature=octets(64),
            qe_authentication_data=st.binary(max_size=100),
            certification=st.builds(CertificationData, kind=U16, data=st.binary(max_size=300)),
        ),
    ),
}


@pytest.fixture(scope="session")
def structures():
    return STRUCTURES


@pytest.fixture(scope="session", params=STRUCTURES, ids=lambda structure: structure.__name__)
def structure(request):
    return request.param
