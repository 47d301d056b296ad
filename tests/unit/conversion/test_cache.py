"""The loader's cache, as ldconfig reads it."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisson.conversion.cache import library_cache

LDCONFIG = shutil.which("ldconfig") or "/sbin/ldconfig"
NAMES = st.from_regex(r"lib[a-z0-9+_-]{1,12}\.so(\.[0-9]{1,3}){0,3}", fullmatch=True)


def listed(raw: bytes, tmp_path) -> dict[str, str]:
    path = tmp_path / "ld.so.cache"
    path.write_bytes(raw)
    output = subprocess.run([LDCONFIG, "-p", "-C", path], capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"^\t(\S+) \(libc6,x86-64\) => (\S+)$", output, re.MULTILINE))


@pytest.mark.parametrize("libraries", [{}, {"libc.so.6": "/lib/libc.so.6", "libz.so.1": "/usr/lib/libz.so.1"}])
def test_ldconfig_reads_what_was_written(libraries, tmp_path):
    assert listed(library_cache(libraries), tmp_path) == libraries


@settings(max_examples=20)
@given(st.dictionaries(NAMES, NAMES.map("/usr/lib/{}".format), max_size=30))
def test_any_names_are_read_back(tmp_path_factory, libraries):
    assert listed(library_cache(libraries), tmp_path_factory.mktemp("cache")) == libraries


def test_names_stand_in_the_order_of_the_loaders_search():
    names = ["libssl.so.1.1", "libssl.so.10", "libssl.so.3", "libssl.so", "libssl3.so", "liba.so"]
    raw = library_cache(dict.fromkeys(names, "/x"))
    order = sorted(names, key=lambda name: raw.index(f"\0{name}\0".encode()) if f"\0{name}\0".encode() in raw else 0)
    assert order == ["libssl3.so", "libssl.so.10", "libssl.so.3", "libssl.so.1.1", "libssl.so", "liba.so"]
