"""TOML files that people write, read into models whose faults are all named at once."""

import tomllib
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from caisson.errors import Malformed

# In place of pydantic's words for what people get wrong most.
_WORDS = {"missing": "is missing", "extra_forbidden": "is not known"}
_Model = TypeVar("_Model", bound=BaseModel)


def read_model(model: type[_Model], raw: bytes, *, what: str, context: Any = None) -> _Model:
    """Read a file, of which `what` says what it is; docs/reference/WHAT.md describes it.

    Raises:
        Malformed: not TOML, or not what the model wants; all faults are named.
    """
    try:
        return model.model_validate(tomllib.loads(raw.decode()), context=context)
    except ValidationError as error:
        faults = [
            f"`{'.'.join(str(step) for step in fault['loc'])}` {_WORDS.get(fault['type']) or _said(fault['msg'])}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise Malformed(f"{what}: {'; '.join(faults)}", hint=f"see docs/reference/{what}.md") from None
    except (ValueError, RecursionError) as cause:  # numbers with too many digits are no `TOMLDecodeError`
        raise Malformed(f"{what} is not TOML: {cause}", hint=f"see docs/reference/{what}.md") from cause


def _said(message: str) -> str:
    words = message.removeprefix("Value error, ")
    return words[:1].lower() + words[1:]
