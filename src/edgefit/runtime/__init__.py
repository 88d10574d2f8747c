"""The device: what runs beside the camera. No training framework is imported here."""
