"""How fast this is, beside a peer in the same run. `make bench` and `make bench-catalog` print it."""
