"""The stages, a module each: ``python -m rosberta STAGE`` runs ``STAGE.py``. Nobody imports one."""
