"""From the bytes of a file, or an array from a camera, to the network's input."""
