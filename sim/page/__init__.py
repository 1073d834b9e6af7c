"""The interactive page: baseline and scenario with the same random draws, in a browser on this machine only."""
