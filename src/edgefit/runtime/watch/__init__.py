"""Answer the files of an inbox as they arrive: nothing is lost, nothing is answered twice.

:class:`.Watcher` is the loop. ``docs/decisions/0027-watch-keeps-a-journal.md`` says why each step
is where it is.
"""
