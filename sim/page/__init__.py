"""The page: two worlds on the same luck, in a browser on this machine only."""
