"""Costs: the arithmetic of rows, operations and hours, before anything is paid for."""
