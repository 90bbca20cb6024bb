"""The outside world, behind one seam: `rosberta.outside.pins`."""
