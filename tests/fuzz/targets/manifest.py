"""Manifests: ours, and anyone's, with everything that is said of them."""

from caisson.enclave import Manifest
from caisson.enclave.manifest import Foreign, Subject, explain, lint, migrate
from caisson.errors import Malformed


def check(raw):
    try:
        manifest = Manifest.parse(raw)
    except Malformed:
        pass
    else:
        assert Manifest.parse(manifest.encode()) == manifest
    foreign = Foreign.parse(raw)
    lint(Subject(manifest=foreign))
    explain(foreign)
    try:
        migration = migrate(foreign, harden=True)
    except Malformed:
        return  # a text that no manifest can hold
    Foreign.parse(migration.text.encode())
