"""What a model needs on a device: memory, time and power. Formulas only; no device is touched."""
