"""TDX structures: bytes to frozen dataclasses and back, exactly. No I/O, no cryptography."""

from caisson.tdx.attributes import TdAttributes, TdFlags
from caisson.tdx.body import TdBody, TdBody15, TdBody15Ex, parse_td_body
from caisson.tdx.fixed import (
    MrConfigId,
    MrOwner,
    MrOwnerConfig,
    MrSeam,
    MrServiceTd,
    MrSignerSeam,
    MrTd,
    Rtmr,
    SeamAttributes,
    TeeTcbSvn,
    Xfam,
)

__all__ = [
    "MrConfigId",
    "MrOwner",
    "MrOwnerConfig",
    "MrSeam",
    "MrServiceTd",
    "MrSignerSeam",
    "MrTd",
    "Rtmr",
    "SeamAttributes",
    "TdAttributes",
    "TdBody",
    "TdBody15",
    "TdBody15Ex",
    "TdFlags",
    "TeeTcbSvn",
    "Xfam",
    "parse_td_body",
]
