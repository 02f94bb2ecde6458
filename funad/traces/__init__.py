"""The interpreters of primitives, one file each."""
