"""Texts: forms, hashes, likeness, language, length, prefixes, and draws."""
