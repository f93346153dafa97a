"""Signals in millivolts: from traces, from files, and their gaps."""
