"""The stages, a module each: artifacts are read, nouns called, artifacts written; nobody imports a stage."""
