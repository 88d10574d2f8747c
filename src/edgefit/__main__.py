"""``python -m edgefit``."""

from edgefit.cli.entry import main

if __name__ == "__main__":
    main()
