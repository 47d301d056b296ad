"""The loader builds what it is given, remembers what it has measured, and does not let anyone exhaust it."""

import threading
from hashlib import sha256

import pytest

from caisson.errors import LaunchRejected, Malformed, PlatformRejected
from caisson.platform import Loader, sign_enclave
from caisson.platform import loader as loader_module
from caisson.sgx import Attributes, MrEnclave

PRODUCTION = Attributes(flags=0x4, xfrm=0x3)
PAL, MANIFEST = b"\x7fELF program", b"manifest"


class Layouts:
    """A construction log and attributes that count how often they were asked for."""

    def __init__(self):
        self.asked = self.read = 0

    def construction_log(self, pal, manifest):
        assert type(pal) is type(manifest) is bytes
        self.asked += 1
        if pal == b"broken":
            raise Malformed("PAL is not an ELF file")
        return iter((pal, b"|", manifest))

    def secs_attributes(self, manifest):
        self.read += 1
        if manifest == b"broken":
            raise Malformed("manifest is not TOML")
        return PRODUCTION, 0

    def loader(self):
        return Loader(construction_log=self.construction_log, secs_attributes=self.secs_attributes)


@pytest.fixture
def layouts():
    return Layouts()


@pytest.fixture
def launch(platform, signing_key):
    def launch(loader, pal=PAL, manifest=MANIFEST, *, signed=(PAL, MANIFEST), sigstruct=None):
        if sigstruct is None:
            mr_enclave = MrEnclave(sha256(b"|".join(signed)).digest())
            sigstruct = sign_enclave(signing_key, mr_enclave=mr_enclave, attributes=PRODUCTION).encode()
        views = {"pal": memoryview(pal), "manifest": memoryview(manifest), "sigstruct": memoryview(sigstruct)}
        return loader.launch(platform.cpu, **views)

    return launch


def test_what_is_launched_is_what_was_given(launch, layouts):
    assert launch(layouts.loader()).identity.mr_enclave.value == sha256(b"|".join((PAL, MANIFEST))).digest()


def test_same_program_is_measured_once_and_its_manifest_read_once(launch, layouts):
    loader = layouts.loader()
    assert launch(loader).identity == launch(loader).identity
    assert (layouts.asked, layouts.read) == (1, 1)


def test_remembered_measurement_does_not_vouch_for_another_program(launch, layouts):
    """Also not where PAL and manifest are the same bytes in a row, cut at another place."""
    loader = layouts.loader()
    launch(loader)
    for pal, manifest in ((PAL, b"Manifest"), (PAL[:-1], MANIFEST), (PAL + b"m", MANIFEST[1:])):
        with pytest.raises(LaunchRejected, match="SGX_INVALID_MEASUREMENT"):
            launch(loader, pal, manifest)


def test_remembered_measurement_does_not_replace_the_signature(launch, layouts):
    loader = layouts.loader()
    launch(loader)
    with pytest.raises(LaunchRejected, match="SGX_INVALID_MEASUREMENT"):
        launch(loader, signed=(PAL, b"another"))


def test_memory_is_bounded(launch, layouts, monkeypatch):
    monkeypatch.setattr(loader_module, "_REMEMBERED", 2)
    loader = layouts.loader()
    for manifest in (b"1", b"2", b"1", b"3", b"1"):
        launch(loader, manifest=manifest, signed=(PAL, manifest))
    assert layouts.asked == 3
    launch(loader, manifest=b"2", signed=(PAL, b"2"))
    assert layouts.asked == 4


def test_containers_that_start_together_are_measured_once(launch, layouts):
    loader = layouts.loader()
    threads = [threading.Thread(target=launch, args=(loader,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= layouts.asked <= 2


@pytest.mark.parametrize(("pal", "manifest"), [(b"broken", MANIFEST), (PAL, b"broken")])
def test_what_cannot_be_laid_out_is_a_bad_request(launch, layouts, pal, manifest):
    with pytest.raises(PlatformRejected) as caught:
        launch(layouts.loader(), pal, manifest)
    assert caught.value.code == "BAD_REQUEST"


def test_enclave_that_would_take_for_ever_to_measure_is_a_bad_request(launch, layouts, monkeypatch):
    monkeypatch.setattr(loader_module, "_MAX_LOG", 20)
    with pytest.raises(PlatformRejected, match="too large") as caught:
        launch(layouts.loader())
    assert caught.value.code == "BAD_REQUEST"


def test_malformed_sigstruct_is_an_invalid_signature(launch, layouts):
    with pytest.raises(LaunchRejected, match="SGX_INVALID_SIGNATURE"):
        launch(layouts.loader(), sigstruct=bytes(1808))
    assert layouts.asked == 0
