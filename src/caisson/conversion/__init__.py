"""Recipe and image in, confidential image out: nothing is run, no root needed, the same input gives the same bytes."""

from caisson.conversion.closure import closure
from caisson.conversion.command import User, find_program, merge_command, merge_environment, resolve_user
from caisson.conversion.companion import companion
from caisson.conversion.content import Content
from caisson.conversion.convert import convert, prepare
from caisson.conversion.debian import build_rootfs
from caisson.conversion.libraries import Files
from caisson.conversion.places import MANIFEST, PREMAIN, SIGSTRUCT, TLS_CERTIFICATE, TLS_KEY, TMPFS_LABEL, UNSIGNED
from caisson.conversion.plain import fetch_source, plain_image, resolved
from caisson.conversion.prepared import ConfidentialImage, PreparedImage
from caisson.conversion.programs import look, premain
from caisson.conversion.recipe import Recipe, json_schema
from caisson.conversion.recipe_source import DebianSource, Source
from caisson.conversion.request import SigningRequest, attach_detached
from caisson.conversion.resign import open_prepared, pin
from caisson.conversion.surroundings import image_subject, recipe_subject
from caisson.conversion.toml_model import read_model
from caisson.conversion.verify import VerifiedImage, verify_image

__all__ = [
    "MANIFEST",
    "PREMAIN",
    "SIGSTRUCT",
    "TLS_CERTIFICATE",
    "TLS_KEY",
    "TMPFS_LABEL",
    "UNSIGNED",
    "ConfidentialImage",
    "Content",
    "DebianSource",
    "Files",
    "PreparedImage",
    "Recipe",
    "SigningRequest",
    "Source",
    "User",
    "VerifiedImage",
    "attach_detached",
    "build_rootfs",
    "closure",
    "companion",
    "convert",
    "fetch_source",
    "find_program",
    "image_subject",
    "json_schema",
    "look",
    "merge_command",
    "merge_environment",
    "open_prepared",
    "pin",
    "plain_image",
    "premain",
    "prepare",
    "read_model",
    "recipe_subject",
    "resolve_user",
    "resolved",
    "verify_image",
]
