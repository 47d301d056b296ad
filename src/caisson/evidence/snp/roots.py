"""AMD's root keys, one for each product line; VCEKs and VLEKs chain to the same.

The keys are those of the ARK certificates that AMD's key distribution service publishes.
"""

from caisson.evidence.roots import RootKey

AMD_MILAN_ROOT = RootKey.from_hex("9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9")
AMD_GENOA_ROOT = RootKey.from_hex("429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831")
AMD_TURIN_ROOT = RootKey.from_hex("4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08")
AMD_ROOTS = frozenset({AMD_MILAN_ROOT, AMD_GENOA_ROOT, AMD_TURIN_ROOT})
