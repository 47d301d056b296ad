"""Registers of CPUs in public reports, and any others."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.doctor.cpuid import Cpu
from caisson.doctor.readings import Leaf, Sight
from tests.unit.doctor.machines import recorded, sight

MIB = 1 << 20


@pytest.mark.parametrize(
    ("name", "mebibytes", "sections", "sgx2", "largest", "xfrm"),
    [
        ("xeon-gold-5315y", 65144, 1, True, 56, 0x2E7),
        ("xeon-e-2276g", 93, 1, False, 36, 0x1F),
        ("two-sections", 2028 + 2036, 2, True, 56, 0x2E7),
        ("alibaba-guest", 23808, 1, True, 56, 0xE7),
        ("firmware-off", 0, 0, False, 0, 0),
    ],
)
def test_registers_say_what_the_reports_said(name, mebibytes, sections, sgx2, largest, xfrm):
    """The numbers that `test-sgx` printed beside the registers."""
    cpu = Cpu.of(sight(name))
    assert cpu.sgx
    assert cpu.pages // MIB == mebibytes
    assert (len(cpu.sections), cpu.sgx2, cpu.largest, cpu.xfrm) == (sections, sgx2, largest, xfrm)


def test_guests_are_known():
    assert Cpu.of(sight("alibaba-guest")).virtual
    assert not Cpu.of(sight("xeon-gold-5315y")).virtual


def test_this_machine_is_what_it_is():
    cpu = Cpu.of(recorded("virtual-machine-without-sgx").sight)
    assert (cpu.vendor, cpu.brand, cpu.virtual, cpu.sgx) == ("AuthenticAMD", "AMD EPYC", True, False)


def test_the_page_cache_is_protected_as_its_section_says():
    assert Cpu.of(sight("xeon-e-2276g")).sections[0].protection == "confidentiality and integrity"
    assert Cpu.of(sight("xeon-gold-5315y")).sections[0].protection == "confidentiality"


REGISTER = st.integers(0, (1 << 32) - 1)
LEAVES = st.builds(
    Leaf,
    leaf=st.sampled_from([0, 1, 7, 0x12, 0x8000_0002, 0x8000_0003, 0x8000_0004]),
    subleaf=st.integers(0, 10),
    eax=REGISTER,
    ebx=REGISTER,
    ecx=REGISTER,
    edx=REGISTER,
)


@given(st.lists(LEAVES, max_size=20))
def test_any_registers_are_understood(leaves):
    cpu = Cpu.of(Sight(uid=0, gid=0, groups=(), leaves=tuple(leaves), devices=()))
    assert cpu is None or (cpu.pages >= 0 and cpu.name)


def test_without_registers_nothing_is_said():
    assert Cpu.of(replace(sight(), leaves=())) is None
