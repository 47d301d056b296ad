"""Recipe and image in, confidential image out: nothing is run, no root needed, the same input gives the same bytes."""

from caisson.conversion.closure import Files, closure
from caisson.conversion.command import User, find_program, merge_command, merge_environment, resolve_user
from caisson.conversion.debian import build_rootfs
from caisson.conversion.recipe import DebianSource, Recipe, json_schema

__all__ = [
    "DebianSource",
    "Files",
    "Recipe",
    "User",
    "build_rootfs",
    "closure",
    "find_program",
    "json_schema",
    "merge_command",
    "merge_environment",
    "resolve_user",
]
