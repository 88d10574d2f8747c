"""From the bytes of a file, or an array of a camera, to the network's input."""
