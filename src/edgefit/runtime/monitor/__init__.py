"""Watch a stream run: figures, a terminal view, metrics, a health file, systemd, a new bundle.

:func:`edgefit.runtime.monitor.monitored.monitored` puts them together.
"""
