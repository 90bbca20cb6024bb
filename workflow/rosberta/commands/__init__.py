"""The commands, a module each: ``python -m rosberta COMMAND`` runs ``COMMAND.py``.

A command has `arguments`, which adds what it takes to its parser, and `run`, which returns the exit status. The first
line of its module is its line in the help.
"""
