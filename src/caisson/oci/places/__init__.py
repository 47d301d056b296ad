"""The places where images live, one file each: a source reads an image, a sink writes one."""
