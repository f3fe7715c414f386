"""`python -m curate` is the command line."""

from curate.cli import main

main()
