"""The doors: between a person or an engine, and a stage."""
