"""The command line: one file a verb, each importing its room only when it is called."""
