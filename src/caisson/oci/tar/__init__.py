"""Tar archives (POSIX.1-2001 ustar and pax, GNU's long names): a strict reader, and a writer with one spelling."""

from caisson.oci.tar.entry import Entry, Kind
from caisson.oci.tar.path import clean, climbs_out, parents
from caisson.oci.tar.reader import read_archive
from caisson.oci.tar.writer import end, member, padding

__all__ = ["Entry", "Kind", "clean", "climbs_out", "end", "member", "padding", "parents", "read_archive"]
