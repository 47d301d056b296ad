"""What package managers leave in images, one file for each of them."""
