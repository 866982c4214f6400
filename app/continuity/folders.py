"""The folder of backups: for its owner only, written whole or not at all."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.errors import DomainError
from app.core.languages import N_


class AlreadyRunning(DomainError):
    """Another process is making or restoring a backup at this moment."""

    message = N_("A backup is being made or restored already. Please wait until it is done.")


def folder(path: Path) -> Path:
    """Make a folder that only its owner may enter, if need be, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that whoever reads it finds the former one or the new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:  # whatever ended it, no half of a file stays; it goes on being raised
        Path(name).unlink(missing_ok=True)
        raise
    settle(path.parent)


def settle(path: Path) -> None:
    """Have a folder's new names survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def scratch(backup_dir: Path) -> Iterator[Path]:
    """Make a folder for what is only needed now; it is gone afterwards."""
    made = Path(tempfile.mkdtemp(dir=folder(backup_dir), prefix="scratch-"))  # mode 0700
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def alone(backup_dir: Path) -> Iterator[None]:
    """Hold the lock of the folder: one backup or restore at a time.

    Raises AlreadyRunning.
    """
    descriptor = os.open(folder(backup_dir) / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning from error
        yield
    finally:
        os.close(descriptor)
