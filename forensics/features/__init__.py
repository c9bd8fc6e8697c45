"""Text to arrays, cached by content hash."""
