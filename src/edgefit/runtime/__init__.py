"""The device: the code that runs beside the camera. It imports no training framework."""
