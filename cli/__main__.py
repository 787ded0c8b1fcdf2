"""`python -m cli` is `headct`."""

from cli.main import main

main()
