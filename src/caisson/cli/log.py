"""The log of services: one line for each record, whatever strangers put into it."""

import logging
import time

from caisson.cli.output import printable

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class OneLine(logging.Formatter):
    """Nothing in a message is left that a terminal obeys, or that would begin another record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Give a record's line; a traceback comes after it."""
        return printable(super().formatMessage(record)).replace("\n", "\\x0a")


def log_to_stderr() -> None:
    """Begin to log, with times in UTC."""
    handler = logging.StreamHandler()
    formatter = OneLine(_FORMAT)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    # Requests of our own are no news.
    for chatty in ("httpx2", "httpcore2"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
