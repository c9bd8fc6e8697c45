"""Small real transformer models with known lineage, trained from scratch on text that every Python carries."""
