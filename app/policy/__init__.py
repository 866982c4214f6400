"""The policy and the terms: versions that never change, and who agreed to which.

*Document*: the terms or the privacy policy. *Version*: one text of a document
in every language, with a digest; once published it stays as it is. *Agreement*:
a row that points to the version a person agreed to (C05).
"""
