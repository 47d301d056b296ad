"""The key server's HTTP edge: limits, bodies, status codes. Decisions are made behind it."""

from caisson.keyserver.http.app import build_app

__all__ = ["build_app"]
