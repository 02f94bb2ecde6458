"""Every rule once, in a minute: ``pytest tests/quick``, for those who change a rule."""
