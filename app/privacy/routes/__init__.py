"""The pages about one's own data. Importing a module adds its pages to the blueprint."""

from app.privacy.blueprint import bp
from app.privacy.routes import (  # noqa: F401 (they add pages to the blueprint)
    clauses,
    collection,
    data,
    details,
    download,
    erase,
    guests,
    limits,
    requests,
    retention,
    storage,
)

__all__ = ["bp"]
