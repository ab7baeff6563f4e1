"""The terminal face: commands for people, and JSON for the programs they write.

A module here declares the commands of one group and imports what they need when they run, so that `--help` is
there at once. `screens` turns values into what a terminal shows and does nothing else.
"""
