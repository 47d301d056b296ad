"""Confidential containers: ordinary OCI images, run in Intel SGX enclaves, that prove what they are."""

__all__ = ["__version__"]

__version__ = "0.1.0"
