"""`python -m cli` is `headct`."""

from headct import main

main()
