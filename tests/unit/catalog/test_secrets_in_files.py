"""What the key server writes for an entry says the same, whatever somebody sets as a secret."""

import os
import re
from itertools import pairwise

import pytest

from caisson import catalog
from caisson.errors import UsageError
from caisson.keyserver.secret import Secret
from caisson.keyserver.template import Placeholder, Template

ATTACKS = [
    b"x\nuser mallory on nopass allcommands allkeys\n",
    b"x\r\nmallory:mallory",
    b"x:mallory",
    b'x" "y',
    b"x' OR 'x",
    b"x\\",
    b"x # comment",
    b'x", "salt": "',
    b"x\0y",
    b"\xff",
]
GENERATED = b"Zm9yIHRlc3Rz"


def _templates():
    for name in catalog.names():
        recipe = catalog.load(name).recipe
        files = (*recipe.provision.file, *(file for beside in recipe.beside for file in beside.file))
        for where, text in (*((file.path, file.content) for file in files), *recipe.provision.env.items()):
            template = Template.parse(text.replace("{{ pcs }}", ""), what=where)
            if template.secrets:
                yield pytest.param(template, id=f"{name} {where}")


TEMPLATES = list(_templates())


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("template", TEMPLATES)
def test_no_secret_ends_the_value_that_it_stands_in(template, attack):
    """Where it is the whole text, the program takes all of it as one value; elsewhere it is escaped or refused."""
    if not any(part for part in template.parts if isinstance(part, str)):
        assert template.render(lambda _name: Secret(attack)).reveal() == attack
        return
    for before, placeholder in pairwise(template.parts):
        if isinstance(placeholder, Placeholder):
            try:
                written = placeholder.fill(Secret(attack), os.urandom)
            except UsageError:
                continue
            assert re.fullmatch(_inside(before[-1:]), written, re.ASCII)


def _inside(opening):
    """What may stand after such a character without being its end."""
    match opening:
        case "'":
            return rb"(?:[^'\\\r\n\0]|''|\\[^\r\n\0])*"
        case '"':
            return rb'(?:[^"\\\r\n\0]|\\[^\r\n\0])*'
        case _:
            return rb"[\w.~+/=$-]*"


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_secret_that_the_key_server_makes_is_taken_everywhere(template):
    assert template.render(lambda _name: Secret(GENERATED)).reveal()
