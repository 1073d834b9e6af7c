"""The world: people and places as arrays, and one month's advance."""
