"""The same document in one of the many ways in which TOML can be written."""

import json


def document(chance, tables):
    """Write nested tables, each as a table of its own, with dotted keys, or inline."""
    newline = chance.choice(["\n", "\n", "\r\n"])
    return newline.join(_lines(chance, tables)) + newline


def _lines(chance, tables):
    if chance.random() < 0.3:
        yield "# " + chance.choice(["a comment", "[sgx]", "ä comment 🐋", "debug = true"])
    plain, nested = [], []
    for name, value in tables.items():
        # Keys of the top level go before all tables.
        (nested if isinstance(value, dict) or _is_tables(value) else plain).append((name, value))
    for name, value in plain:
        yield f"{key(chance, name)}{equals(chance)}{spell(chance, value)}"
    for name, value in shuffled(chance, nested):
        yield from _nested(chance, key(chance, name), value)


def _nested(chance, path, value):
    if _is_tables(value):
        for item in value:
            yield f"[[{path}]]"
            for name, inner in shuffled(chance, item.items()):
                yield f"{key(chance, name)}{equals(chance)}{spell(chance, inner)}"
        return
    here, below = [], []
    for name, inner in shuffled(chance, value.items()):
        as_table = (isinstance(inner, dict) or _is_tables(inner)) and chance.random() < 0.6
        (below if as_table else here).append((name, inner))
    if here or not value or chance.random() < 0.3:
        yield chance.choice([f"[{path}]", f"[ {path} ]  # here"])
    for name, inner in here:
        if isinstance(inner, dict) and inner and chance.random() < 0.5:
            for last, held in inner.items():
                yield f"{key(chance, name)}.{key(chance, last)}{equals(chance)}{spell(chance, held)}"
        else:
            yield f"{key(chance, name)}{equals(chance)}{spell(chance, inner)}"
    for name, inner in below:
        yield from _nested(chance, f"{path}.{key(chance, name)}", inner)


def _is_tables(value):
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def shuffled(chance, items):
    """Give the same items in another order."""
    found = list(items)
    chance.shuffle(found)
    return found


def equals(chance):
    """Write what is between a key and its value."""
    return chance.choice([" = ", " = ", "=", "\t=  "])


def key(chance, name):
    """Write a key bare or in quotes."""
    bare = bool(name) and all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in name)
    return name if bare and chance.random() < 0.8 else basic(chance, name)


def spell(chance, value):
    """Write one value."""
    match value:
        case float():
            return str(value)
        case bool():
            return "true" if value else "false"
        case int():
            return integer(chance, value)
        case str():
            return text(chance, value)
        case list():
            return array(chance, value)
        case dict():
            inner = ", ".join(f"{key(chance, name)} = {spell(chance, held)}" for name, held in value.items())
            return f"{{ {inner} }}" if inner else "{}"
    raise TypeError(value)


def integer(chance, value):
    """Write a whole number, as a negative one can only be in decimal."""
    if value < 0:
        return str(value)
    forms = [str(value), str(value), f"0x{value:x}", f"0x{value:X}", f"0o{value:o}", f"0b{value:b}", f"+{value}"]
    forms += [f"{value:_}", "0x" + f"{value:_x}"]
    return chance.choice(forms)


def text(chance, value):
    """Write a string in one of TOML's four ways, as far as it can be."""
    forms = [basic]
    printable = all(letter.isprintable() for letter in value)
    if printable and "'" not in value:
        forms += [lambda _, value: f"'{value}'", lambda _, value: f"'''\n{value}'''"]
    if printable and '"' not in value and "\\" not in value:
        forms += [lambda _, value: f'"""\n{value}"""', lambda _, value: f'"""\\\n    {value}"""']
        if value != value.lstrip():
            forms.pop()
    return chance.choice(forms)(chance, value)


def basic(chance, value):
    """Write a basic string; letters beyond ASCII stand there or are escaped."""
    written = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if chance.random() < 0.3:
        return "".join(letter if ord(letter) < 128 else f"\\U{ord(letter):08X}" for letter in written)
    return written


def array(chance, items):
    """Write an array in one line or in several."""
    written = [spell(chance, item) for item in items]
    if not written or chance.random() < 0.6:
        return "[" + ", ".join(written) + "]"
    return "[\n  " + ",  # next\n  ".join(written) + chance.choice(["", ","]) + "\n]"
