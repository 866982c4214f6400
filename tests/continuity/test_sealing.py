"""A backup's file opens whole and unaltered, under its own master key, or not at all (C14)."""

import io

import pytest

from app.continuity import sealing
from app.continuity.sealing import CHUNK, TAG, BackupAltered, NoBackup, OtherMasterKey

KEY = b"for tests only: a master key of some length"
FIELDS = {
    "kind": "book", "at": "2031-05-05T08:00:00+00:00", "database": "sqlite",
    "migration": "0005", "ledger": 7,
}  # fmt: skip
PIECE = bytes(range(256)) * 256  # 64 KiB
COPY = PIECE * 13  # three whole chunks and a quarter


def sealed(copy=COPY, **fields):
    file = io.BytesIO()
    sealing.write(file, {**FIELDS, **fields}, [copy[:100], copy[100:]], KEY)
    return file.getvalue()


def opened(content, key=KEY):
    return b"".join(sealing.read(io.BytesIO(content), key))


def parts(content):
    """Take a backup's bytes apart: what comes before the chunks, and the chunks."""
    start = len(sealing.MAGIC) + 4 + int.from_bytes(content[16:20], "big")
    size = CHUNK + TAG
    return content[:start], [content[at : at + size] for at in range(start, len(content), size)]


@pytest.mark.clause("C14")
@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_copy_of_any_length_comes_back(length):
    copy = (COPY * 2)[:length]

    assert opened(sealed(copy)) == copy


@pytest.mark.clause("C14")
def test_nothing_of_the_copy_can_be_read_in_the_file_and_no_two_files_are_alike():
    first, second = sealed(), sealed()

    assert PIECE[:32] not in first
    assert parts(first)[1][0] != parts(second)[1][0]
    assert parts(first)[1][0] != parts(first)[1][1]


@pytest.mark.clause("C14")
@pytest.mark.parametrize(
    "edit",
    [
        lambda chunks, _other: chunks[:-1],
        lambda chunks, _other: chunks[:1],
        lambda chunks, _other: [],
        lambda chunks, _other: [*chunks[:-1], chunks[-1][:-1]],
        lambda chunks, _other: [*chunks[:-1], chunks[-1] + b"\0"],
        lambda chunks, _other: [chunks[1], chunks[0], *chunks[2:]],
        lambda chunks, _other: [chunks[0], *chunks],
        lambda chunks, _other: chunks[1:],
        lambda chunks, other: [other[0], *chunks[1:]],
        lambda chunks, _other: [bytes([chunks[0][0] ^ 1]) + chunks[0][1:], *chunks[1:]],
    ],
    ids=["cut", "cut far", "emptied", "short", "longer", "reordered", "doubled", "headless",
         "swapped with another", "one bit"],
)  # fmt: skip
def test_a_file_that_was_altered_is_refused(edit):
    head, chunks = parts(sealed())
    _, others = parts(sealed())

    with pytest.raises(BackupAltered):
        opened(head + b"".join(edit(chunks, others)))


@pytest.mark.clause("C14")
def test_a_header_that_was_altered_is_refused():
    content = sealed()

    with pytest.raises(BackupAltered):
        opened(content.replace(b'"ledger": 7', b'"ledger": 0'))


@pytest.mark.clause("C14")
def test_another_master_key_is_refused_and_said_to_be_another():
    with pytest.raises(OtherMasterKey):
        opened(sealed(), key=b"another master key of the same length")


@pytest.mark.parametrize(
    "content",
    [b"", b"SQLite format 3\0", sealing.MAGIC, sealing.MAGIC + b"\xff\xff\xff\xff{}",
     sealing.MAGIC + b"\0\0\0\x02{}", sealing.MAGIC + b"\0\0\0\x02[]"],
)  # fmt: skip
def test_what_is_no_backup_is_refused(content):
    with pytest.raises(NoBackup):
        opened(content)


def test_a_backup_of_a_newer_format_is_refused():
    with pytest.raises(NoBackup):
        opened(sealed().replace(b'"format": 1', b'"format": 2'))
