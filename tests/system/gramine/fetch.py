"""What the tests beside this file need from the network, fetched before they run without one.

python -m tests.system.gramine.fetch
"""

from caisson.conversion import Recipe, fetch_source
from demo import CACHE
from tests.system.gramine import recipes


def main():
    texts = [text for text in vars(recipes).values() if isinstance(text, str) and "[source.debian]" in text]
    assert texts
    for text in texts:
        source = Recipe.parse(text.encode()).source
        fetch_source(source, source.debian, CACHE)


if __name__ == "__main__":
    main()
