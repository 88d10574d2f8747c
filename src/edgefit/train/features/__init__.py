"""Features of a frozen backbone: extracted once, cached, by the faster engine."""
