"""SEV-SNP structures: bytes to frozen dataclasses and back, exactly. No I/O, no cryptography."""
