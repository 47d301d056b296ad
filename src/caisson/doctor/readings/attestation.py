"""What makes quotes and gets certificates: aesmd, the quote provider's configuration, and its PCCS."""

from caisson.doctor.readings.vocabulary import Count, Text, reading


@reading
class Aesmd:
    """Intel's aesmd. `socket` is the one that took a connection, or None; `refusal` then says why none did.

    `error` is its answer to being asked for a quoting enclave: 0, or an error code of its own; None, with a `refusal`,
    if it gave none.
    """

    socket: Text | None
    error: Count | None
    refusal: Text = ""


@reading
class AesmdConfiguration:
    """What `/etc/aesmd.conf` says. None stands for what it does not say."""

    path: Text
    quoting_type: Text | None


@reading
class QuoteProvider:
    """The quote provider's configuration, without what may be secret. `problem` says why it cannot be used at all."""

    path: Text
    problem: Text | None = None
    pccs_url: Text | None = None
    collateral_url: Text | None = None
    secure: bool = True
    local_only: bool = False


@reading
class Certificates:
    """How a PCCS answered. Empty texts are good answers, others say what went wrong.

    `root_expiry`, when the root's revocation list runs out, and `clock`, the time there, are seconds since 1970.
    """

    url: Text
    reached: Text
    revocation: Text
    identity: Text
    root_expiry: Count | None = None
    clock: Count | None = None
