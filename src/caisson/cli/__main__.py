"""Lets `python -m caisson.cli` run the command line, with exactly this interpreter."""

from caisson.cli.app import main

main()
