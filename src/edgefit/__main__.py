"""``python -m edgefit``."""

from edgefit.cli.main import main

main()
