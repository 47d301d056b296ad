"""Verification as a service: evidence in, a verdict and a signed token out."""

from caisson.verifier.app import build_app
from caisson.verifier.gate import Gate
from caisson.verifier.openapi import document
from caisson.verifier.serving import serve
from caisson.verifier.verifier import Verifier

__all__ = ["Gate", "Verifier", "build_app", "document", "serve"]
