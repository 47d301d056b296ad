"""The client of AMD's key distribution service: certificates by chip and firmware, chains and lists by product.

Source: AMD VCEK Certificate and KDS Interface Specification (57230), chapter 4.
"""

from dataclasses import dataclass

import httpx2

from caisson.errors import UsageError
from caisson.evidence.service import Service
from caisson.evidence.snp.collateral import SnpCollateral
from caisson.snp import Product, Report, SigningKey

AMD_KDS = "https://kdsintf.amd.com"

_TURIN_HWID = 8
_MEANINGS = {400: "it does not understand the query", 404: "it does not know this chip, product or firmware"}


@dataclass(frozen=True, slots=True)
class KdsClient:
    """Fetches what verifying an SNP report needs. What it fetches is not trusted: verification checks every part."""

    url: str
    client: httpx2.Client

    def collateral(self, report: bytes, *, product: Product | None = None, vlek: bytes | None = None) -> SnpCollateral:
        """Fetch certificate, chain and revocation list for a report.

        Reports before version 3 do not say which `product` made them. A VLEK's certificate (DER) is given to the guest
        by its provider, and cannot be fetched.

        Raises:
            Malformed: not a report.
            UsageError: the product or the certificate has to be said and is not, or the report hides its chip.
            Unavailable: the service does not answer, or does not know this chip.
        """
        parsed = Report.parse(report)
        product = product or _product(parsed)
        kind = parsed.key_info.signing_key
        if kind is SigningKey.NONE:
            raise UsageError("report is signed with no key, so that no certificate belongs to it")
        vek = vlek if kind is SigningKey.VLEK else self._vcek(parsed, product)
        if vek is None:
            raise UsageError(
                "report is signed with a VLEK, whose certificate AMD gives only to the provider",
                hint="ask in the guest for it (`SNP_GET_EXT_REPORT`), and give it with `--vlek`",
            )
        name = kind.name.lower()
        return SnpCollateral(
            vek=vek,
            chain=self._get(f"{name}/v1/{product.value}/cert_chain"),
            crl=self._get(f"{name}/v1/{product.value}/crl"),
        )

    def _vcek(self, report: Report, product: Product) -> bytes:
        chip, tcb = report.chip_id, report.reported_tcb.components(product)
        if chip.masked:
            raise UsageError(
                "report hides its chip, so that no certificate can be found for it",
                hint="let the host give the certificate (`SNP_GET_EXT_REPORT`)",
            )
        levels = {"blSPL": tcb.bootloader, "teeSPL": tcb.tee, "snpSPL": tcb.snp, "ucodeSPL": tcb.microcode}
        if tcb.fmc is not None:
            levels = {"fmcSPL": tcb.fmc, **levels}
        hwid = chip.value[:_TURIN_HWID] if product is Product.TURIN else chip.value
        query = {name: f"{level:02}" for name, level in levels.items()}
        return self._get(f"vcek/v1/{product.value}/{hwid.hex()}", query)

    def _get(self, path: str, query: dict[str, str] | None = None) -> bytes:
        service = Service(name="AMD's key distribution service", client=self.client, meanings=_MEANINGS, option="--kds")
        return service.get(f"{self.url.rstrip('/')}/{path}", query or {}).content


def _product(report: Report) -> Product:
    product = None if report.cpuid is None else report.cpuid.product
    if product is None:
        raise UsageError(
            "report does not say which known product made it",
            hint=f"say it with `--product`: one of {', '.join(each.value for each in Product)}",
        )
    return product
