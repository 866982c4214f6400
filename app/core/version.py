"""Which version of Reserved this is: what pyproject.toml says, for the running code."""

VERSION = "0.1.0"
