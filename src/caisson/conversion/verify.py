"""Recomputing an image's identity from the image alone, and saying what was changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from caisson.conversion import places
from caisson.conversion.content import Content
from caisson.conversion.direct import direct_manifest
from caisson.conversion.manifests import GRAMINE
from caisson.conversion.measured import Measured, encrypted_keys, entrypoint_of, required, runtime_of
from caisson.enclave import LIBC, LIBOS, NO_DATE, SGX_PAL, Manifest, RuntimeBundle, verify_sigstruct
from caisson.enclave.manifest import Foreign, Subject, lint
from caisson.enclave.protected_files import NODE, Header
from caisson.errors import FileRejected, ImageChanged, ImageRejected, Malformed, SignatureRejected
from caisson.oci import Image
from caisson.protocol import ServerKeyHash
from caisson.sgx import MrEnclave, MrSigner, SigStruct

_NEVER = frozenset({"L03", "L04", "L25", "L27", "L28"})
_ENCLAVE_FIELDS = (
    "attributes",
    "attribute_mask",
    "misc_select",
    "misc_mask",
    "isv_prod_id",
    "isv_svn",
    "isv_family_id",
    "isv_ext_prod_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedImage:
    """A confidential image whose every measured byte is what its signer signed."""

    manifest: Manifest
    sigstruct: SigStruct
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
            sigstruct=sigstruct,
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
        return runtime_of(self.manifest)

    @property
    def encrypted_files(self) -> tuple[str, ...]:
        """The names of the keys under which it has encrypted files."""
        return encrypted_keys(self.manifest)

    @property
    def key_server_pin(self) -> ServerKeyHash | None:
        """The only key server that it deals with, if it is built for one."""
        pin = self.measured("CAISSON_KEY_SERVER_PIN")
        return None if pin is None else ServerKeyHash.from_hex(pin)


def verify_image(image: Image) -> VerifiedImage:
    """Check everything in an image that its identity stands for; nothing but the image's own bytes is read.

    1. It has the three parts of a confidential image.
    2. The SIGSTRUCT is signed by the key in it.
    3. premain and every other trusted file are what the manifest says, and the runtime is what its description says.
       Encrypted files are among them, and encrypted.
    4. The SIGSTRUCT is for this manifest and this premain, or this PAL: MRENCLAVE, attributes, product, security
       version.
    5. The configuration starts premain, or Gramine's SGX loader, and nothing else, as the manifest's user, with no
       variable that is not passed.
    6. The manifest for `gramine-direct` is the one that belongs to the measured one.

    Raises:
        ImageRejected: not a confidential image, or not a well-formed one.
        ImageChanged: it was changed; all changes are named.
    """
    content = Content(image)
    # 1.
    if content.region(places.SIGSTRUCT) is None and content.region(places.UNSIGNED) is not None:
        raise ImageRejected("the image is not signed yet", hint="sign it with `caisson sign`")
    _, raw, signature = (required(content, path) for path in (places.PREMAIN, places.MANIFEST, places.SIGSTRUCT))
    changes: list[str] = []
    if content.region(places.UNSIGNED) is not None:
        changes.append("SIGSTRUCT: there is an unsigned one beside it")
    # 2.
    sigstruct, mr_signer = _signed(signature, changes)
    # 3. to 5.
    manifest = _check(image, content, raw, sigstruct, changes)
    # 6.
    if manifest is not None and runtime_of(manifest) == GRAMINE:
        pal = Measured.in_image(content, manifest).digest
        if content.read(places.DIRECT_MANIFEST) != direct_manifest(manifest, pal=pal, signature=signature):
            changes.append("manifest for gramine-direct: it does not belong to the measured one")
    if changes or manifest is None or sigstruct is None or mr_signer is None:
        raise ImageChanged(tuple(changes))
    return VerifiedImage.of(manifest, sigstruct, mr_signer)


def verify_unsigned(image: Image) -> tuple[Manifest, SigStruct]:
    """Check everything in an image that is not signed yet, and give its manifest and the SIGSTRUCT to sign.

    That is steps 3 to 5 of `verify_image`; besides, the SIGSTRUCT is bit by bit what the conversion would make.

    Raises:
        ImageRejected: not an unsigned image, or not a well-formed one.
        ImageChanged: it was changed; all changes are named.
    """
    content = Content(image)
    _, raw, unsigned = (required(content, path) for path in (places.PREMAIN, places.MANIFEST, places.UNSIGNED))
    sigstruct = SigStruct.parse(unsigned)
    changes: list[str] = []
    manifest = _check(image, content, raw, sigstruct, changes)
    if manifest is not None and not changes:
        if sigstruct != Measured.in_image(content, manifest).sigstruct(raw, date=dashed(sigstruct)):
            changes.append("SIGSTRUCT: it says more than what the manifest asks for")
        if content.region(places.DIRECT_MANIFEST) is not None:
            changes.append("manifest for gramine-direct: it is there before the image is signed")
    if changes or manifest is None:
        raise ImageChanged(tuple(changes))
    return manifest, sigstruct


def dashed(sigstruct: SigStruct) -> str:
    """Give a SIGSTRUCT's date as a recipe spells it, `YYYY-MM-DD`."""
    return f"{sigstruct.date[:4]}-{sigstruct.date[4:6]}-{sigstruct.date[6:]}"


def _check(
    image: Image, content: Content, raw: bytes, sigstruct: SigStruct | None, changes: list[str]
) -> Manifest | None:
    """Carry out the steps 3 to 5 of `verify_image`."""
    manifest = _manifest(raw, changes)
    if manifest is None:
        return None
    changes.extend(_given_away(raw))
    # 3.
    pal_changed = _changed_files(manifest, content, changes)
    changes.extend(_not_encrypted(manifest, content))
    if runtime_of(manifest) == GRAMINE:
        try:
            bundle = RuntimeBundle.parse(required(content, places.RUNTIME_DESCRIPTION))
        except Malformed as error:
            changes.append(f"runtime: {error.message}")
            return None
        pal_changed = _changed_runtime(bundle, manifest, content, changes)
    # 4.
    if sigstruct is not None and not pal_changed:
        changes.extend(_unlike(sigstruct, Measured.in_image(content, manifest), raw))
    # 5.
    changes.extend(_configuration(image, manifest))
    return manifest


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


def _given_away(raw: bytes) -> Iterator[str]:
    """Name what no image of Caisson's has, signed or not: arguments or files that the host chooses, open keys."""
    for finding in lint(Subject(manifest=Foreign.parse(raw))):
        if finding.rule.id in _NEVER:
            yield f"manifest: {finding.where}: {finding.rule.reason}"


def _changed_files(manifest: Manifest, content: Content, changes: list[str]) -> bool:
    """Name the trusted files that differ; tell whether premain is one of them."""
    expected = {file.uri.removeprefix("file:"): file.sha256 for file in manifest.sgx.trusted_files}
    if places.PREMAIN not in expected:
        changes.append("manifest: premain is not among its trusted files")
    # On the native runtime a file must lie where the manifest says, not behind a link that leads somewhere else.
    # Gramine opens each path and compares what it finds there, so the manifest has an entry for every way to a file.
    by_path = runtime_of(manifest) == GRAMINE
    reals = {path: real for path in expected if (real := content.resolve(path)) is not None}
    present = {path for path, real in reals.items() if by_path or path == real}
    digests = content.digests(reals[path] for path in present)
    found = {path: digests[reals[path]] for path in present}
    for path in sorted(expected):
        name = "premain" if path == places.PREMAIN else f"trusted file `{path}`"
        if path not in present:
            changes.append(f"{name}: it is missing, or replaced by a link")
        elif found[path] != expected[path]:
            changes.append(f"{name}: its SHA-256 is {found[path]}; the manifest says {expected[path]}")
    return found.get(places.PREMAIN) != expected.get(places.PREMAIN, found.get(places.PREMAIN))


def _not_encrypted(manifest: Manifest, content: Content) -> Iterator[str]:
    """Name encrypted files that nobody measured, or that begin as no encrypted file does."""
    trusted = {file.uri for file in manifest.sgx.trusted_files}
    for name in encrypted_keys(manifest):
        path = f"{places.ENCRYPTED}/{name}"
        if f"file:{path}" not in trusted:
            yield f"encrypted files `{name[:80]}`: they are not among the trusted files"
            continue
        try:
            Header.parse(content.read_at(path, 0, NODE))
        except FileRejected as error:
            yield f"encrypted files `{name}`: {error.message}"


def _changed_runtime(bundle: RuntimeBundle, manifest: Manifest, content: Content, changes: list[str]) -> bool:
    """Name the parts of Gramine that differ from their description; tell whether the PAL is one of them."""
    libos, before = manifest.loader.entrypoint, len(changes)
    if libos is None or bundle.parts[LIBOS] != libos.sha256 or libos.uri != f"file:{places.RUNTIME}/{LIBOS}":
        changes.append("runtime: the manifest names another library OS than the description")
    # The C library is left out where the image keeps its own.
    present = {
        name: path
        for name in bundle.parts
        if content.resolve(path := f"{places.RUNTIME}/{name}") is not None or not name.startswith(LIBC)
    }
    found = content.digests(path for path in present.values() if content.resolve(path) == path)
    for name, path in sorted(present.items()):
        if found.get(path) != bundle.parts[name]:
            changes.append(f"runtime: `{name}` is missing, or not what the description says")
    return any(f"`{SGX_PAL}`" in change for change in changes[before:])


def _unlike(sigstruct: SigStruct, measured: Measured, manifest: bytes) -> Iterator[str]:
    """Name what the SIGSTRUCT says otherwise than the enclave of premain and manifest would have it."""
    try:
        expected = measured.sigstruct(manifest, date=NO_DATE)
    except Malformed as error:
        yield f"manifest: {error.message}"
        return
    # premain and the PAL are what they should be, so a wrong measurement can only come from the manifest.
    if sigstruct.mr_enclave != expected.mr_enclave:
        yield f"manifest: the enclave measures {expected.mr_enclave}; {sigstruct.mr_enclave} was signed"
    for name in _ENCLAVE_FIELDS:
        signed, asked = getattr(sigstruct, name), getattr(expected, name)
        if signed != asked:
            yield f"SIGSTRUCT: its {name.replace('_', ' ')} is {signed}; the manifest asks for {asked}"


def _configuration(image: Image, manifest: Manifest) -> Iterator[str]:
    run, loader = image.config.run, manifest.loader
    if run.entrypoint != entrypoint_of(manifest) or run.cmd:
        yield "configuration: it does not start premain alone"
    if run.user != f"{loader.uid}:{loader.gid}":
        yield f"configuration: it runs as `{run.user[:80]}`; the manifest says `{loader.uid}:{loader.gid}`"
    passed = {item.name for item in loader.env if item.passthrough}
    for name in sorted({item.partition("=")[0] for item in run.env} - passed):
        yield f"configuration: it sets `{name[:80]}`, which the manifest does not pass"
