"""Where the command starts: what other programs are told goes no further.

A module of its own name: `PYTHONPATH` may hold packages of another program with the names of ours.
"""

import os
import sys


def main() -> None:
    """Run the command line in a process that no other program's settings reach."""
    if not sys.flags.isolated and any(name.startswith("PYTHON") for name in os.environ):
        # Python itself read them, before this line.
        os.execv(sys.executable, [sys.executable, "-I", "-m", "headct", *sys.argv[1:]])  # noqa: S606 - itself
    sys.argv[0] = "headct"  # what the help calls it
    from cli.streams import open_streams
    from core.surroundings import shut_out

    shut_out()
    open_streams()
    from cli.main import main as run

    run()


if __name__ == "__main__":
    main()
