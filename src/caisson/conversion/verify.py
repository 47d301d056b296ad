"""Recomputing an image's identity from the image alone, and saying what was changed."""

from dataclasses import dataclass
from typing import Self

from caisson.conversion import places
from caisson.conversion.content import Content
from caisson.enclave import Manifest, measure, verify_sigstruct
from caisson.errors import ImageChanged, ImageRejected, Malformed, SignatureRejected
from caisson.oci import Image
from caisson.protocol import ServerKeyHash
from caisson.sgx import MrEnclave, MrSigner, SigStruct


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedImage:
    """A confidential image whose every measured byte is what its signer signed."""

    manifest: Manifest
    mr_enclave: MrEnclave
    mr_signer: MrSigner
    isv_prod_id: int
    isv_svn: int
    debug: bool

    @classmethod
    def of(cls, manifest: Manifest, sigstruct: SigStruct, mr_signer: MrSigner) -> Self:
        """Describe what was verified."""
        return cls(
            manifest=manifest,
            mr_enclave=sigstruct.mr_enclave,
            mr_signer=mr_signer,
            isv_prod_id=sigstruct.isv_prod_id,
            isv_svn=sigstruct.isv_svn,
            debug=sigstruct.attributes.debug,
        )

    def measured(self, variable: str) -> str | None:
        """Give a measured variable of the environment."""
        return next((item.value for item in self.manifest.loader.env if item.name == variable), None)

    @property
    def runtime(self) -> str:
        """The runtime that it says it is for; `native` can never satisfy a policy that asks for hardware."""
        return self.measured("CAISSON_RUNTIME") or "unknown"

    @property
    def key_server_pin(self) -> ServerKeyHash | None:
        """The only key server that it deals with, if it is built for one."""
        pin = self.measured("CAISSON_KEY_SERVER_PIN")
        return None if pin is None else ServerKeyHash.from_hex(pin)


def verify_image(image: Image) -> VerifiedImage:
    """Check everything in an image that its identity stands for.

    1. It has the three parts of a confidential image.
    2. Its configuration starts premain, and nothing else.
    3. The SIGSTRUCT is signed by its own key.
    4. Every trusted file, premain among them, is what the manifest says.
    5. MRENCLAVE of premain and manifest is the one that was signed.

    Raises:
        ImageRejected: not a confidential image.
        ImageChanged: it was changed; all changes are named.
    """
    content = Content(image)
    # 1. The three parts
    premain, raw, signature = (_required(content, path) for path in (places.PREMAIN, places.MANIFEST, places.SIGSTRUCT))
    changes: list[str] = []
    # 2. The configuration
    run = image.config.run
    if run.entrypoint != (places.PREMAIN,) or run.cmd:
        changes.append("configuration: it does not start premain alone")
    # 3. The signature
    sigstruct, mr_signer = _signed(signature, changes)
    # 4. The trusted files
    manifest = _manifest(raw, changes)
    if manifest is not None:
        changes.extend(_changed_files(manifest, content))
    # 5. The measurement
    if sigstruct is not None and not _measures(premain, raw, sigstruct.mr_enclave):
        # With premain as the manifest says, the only measured thing left to differ is the manifest itself.
        known = any(change.startswith(f"trusted file {places.PREMAIN}") for change in changes)
        changes.append(
            "premain: it is not the one that was signed" if known else "manifest: it is not the one that was signed"
        )
    if changes or manifest is None or sigstruct is None or mr_signer is None:
        raise ImageChanged(tuple(changes))
    return VerifiedImage.of(manifest, sigstruct, mr_signer)


def _required(content: Content, path: str) -> bytes:
    found = content.read(path)
    if found is None:
        raise ImageRejected(f"no confidential image: it has no `{path}`", hint="make one with `caisson build`")
    return found


def _signed(raw: bytes, changes: list[str]) -> tuple[SigStruct | None, MrSigner | None]:
    try:
        sigstruct = SigStruct.parse(raw)
        return sigstruct, verify_sigstruct(sigstruct)
    except (Malformed, SignatureRejected) as error:
        changes.append(f"SIGSTRUCT: {error.message}")
        return None, None


def _manifest(raw: bytes, changes: list[str]) -> Manifest | None:
    try:
        return Manifest.parse(raw)
    except Malformed as error:
        changes.append(f"manifest: {error.message}")
        return None


def _changed_files(manifest: Manifest, content: Content) -> list[str]:
    expected = {file.uri.removeprefix("file:"): file.sha256 for file in manifest.sgx.trusted_files}
    # A file must lie where the manifest says, not behind a link that leads somewhere else.
    present = {path for path in expected if content.resolve(path) == path}
    found = content.digests(present)
    missing = [f"trusted file {path}: it is missing" for path in sorted(expected.keys() - present)]
    return missing + [
        f"trusted file {path}: its content was changed" for path in sorted(present) if found[path] != expected[path]
    ]


def _measures(premain: bytes, manifest: bytes, expected: MrEnclave) -> bool:
    try:
        return measure(premain, manifest) == expected
    except Malformed:
        return False
