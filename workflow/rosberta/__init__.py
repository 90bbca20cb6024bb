"""rosberta: rebuild ru-en-RoSBERTa from pinned raw data to the ruMTEB leaderboard table.

Every stage is a module of this package, run as ``python -m rosberta STAGE [KEY]``; `rosberta.params` types the
experiment that the stages carry out.
"""
