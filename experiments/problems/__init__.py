"""The functions that are differentiated: plain NumPy, or a namespace passed as `xp`."""
