"""Features of a frozen backbone: extracted once by the faster engine, and cached."""
