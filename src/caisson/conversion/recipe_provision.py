"""What a recipe says that the key server shall hold for the program."""

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from caisson.conversion.recipe_values import AbsolutePath, Table, Variable, octal

_PCS = "{{ pcs }}"


class ProvisionedSecret(Table):
    """A secret for the key server to make."""

    name: str
    kind: Literal["password", "symmetric-key"]
    length: Annotated[int, Field(ge=1)] | None = None
    alphabet: str | None = None


class ProvisionedFile(Table):
    """A file that the key server sends; `content` may hold `{{ secret:NAME }}`."""

    path: AbsolutePath
    mode: Annotated[int, BeforeValidator(octal), Field(ge=0, le=0o777)] = 0o400
    content: str


class ProvisionedCertificate(Table):
    """Names for the program's certificate, and how long it lives if not as long as the key server gives by itself."""

    dns: tuple[str, ...] = ()
    ip: tuple[IPv4Address | IPv6Address, ...] = ()
    lifetime_hours: Annotated[int, Field(ge=1)] | None = None


class Provision(Table):
    """What the key server holds for the program; apart from `secret`, the fields of a workload."""

    secret: tuple[ProvisionedSecret, ...] = ()
    fs_keys: dict[str, str] = Field(default_factory=dict)
    file: tuple[ProvisionedFile, ...] = ()
    env: dict[Variable, str] = Field(default_factory=dict)
    argv: tuple[str, ...] = ()
    certificate: ProvisionedCertificate = ProvisionedCertificate()

    def workload(self, *, name: str, policy: str, pcs: str | None = None) -> dict[str, Any]:
        """Give the key server's workload document (JSON values).

        `pcs` is the URL of the provisioning service, for a program that verifies evidence: it takes the place of
        `{{ pcs }}` in `env`.
        """
        document = self.model_dump(mode="json", exclude={"secret"}, exclude_none=True)
        if pcs is not None:
            document["env"] = {variable: value.replace(_PCS, pcs) for variable, value in self.env.items()}
        return {"name": name, "policy": policy, **document}
