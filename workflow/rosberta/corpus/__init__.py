"""The corpus: from raw files to clean rows."""
