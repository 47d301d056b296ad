"""What the argument needs for trust domains beyond what it needs for enclaves: the TDX module, and two TCB levels."""
