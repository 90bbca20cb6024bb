"""Encoders: a model as a folder of files and as weights."""
