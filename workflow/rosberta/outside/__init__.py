"""The outside world: hub, mirrors and single addresses, behind one seam (`rosberta.outside.pins`)."""
