"""How `python -m guard` starts: the same as the command `guard`."""

from guard.cli import main

main()
