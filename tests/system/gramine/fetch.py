"""What the tests beside this file need from the network, fetched before they run without one.

python -m tests.system.gramine.fetch
"""

import tomllib

from caisson.conversion import fetch_source
from caisson.conversion.recipe import Source
from demo import CACHE
from tests.system.gramine import recipes


def main():
    texts = [text for text in vars(recipes).values() if isinstance(text, str) and "[source.debian]" in text]
    assert texts
    for text in texts:
        # What lies beside a recipe is not needed for its packages.
        source = Source.model_validate(tomllib.loads(text)["source"])
        fetch_source(source, source.debian, CACHE)


if __name__ == "__main__":
    main()
