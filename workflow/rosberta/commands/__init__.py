"""The commands, a module each: what a person asks, and what writes no artifact.

A command has `arguments`, which adds what it takes to its parser, and `run`, which returns the exit status. The first
line of its module is its line in the help.
"""
