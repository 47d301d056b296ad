"""SGX and TDX: the argument that a quote is genuine, from Intel's root to the quote's signature."""
