"""What several tests share: trees to try the project in, small models, raw files, servers."""
