"""The course's widgets. Each is a Python class beside one JavaScript file, and needs no kernel once it is made."""
