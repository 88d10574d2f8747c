"""The data room: formats become one table of samples, which is audited, split and loaded."""
