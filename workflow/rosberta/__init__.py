"""rosberta: rebuild ru-en-RoSBERTa from pinned raw data to the ruMTEB leaderboard table.

The typed word is the file: ``python -m rosberta WORD`` is ``stages/WORD.py`` or ``commands/WORD.py``. A stage reads
artifacts, calls nouns and writes artifacts; a room imports only rooms below it. `rosberta.frame.flow` is the page to
read first.
"""
