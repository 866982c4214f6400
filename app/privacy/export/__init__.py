"""What a download of one's own data is made of: readers, writers, and the sealed pieces.

Everything streams: rows are read in batches, each file is written as it is read, and what
comes out of the ZIP is sealed a piece at a time. Nothing lies anywhere in clear.
"""
