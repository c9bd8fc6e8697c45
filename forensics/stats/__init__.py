"""Arrays to arrays: no text, no models."""
