"""Mail: a message made from a text, handed to the relay, or kept as a file in the demo.

The text's first line is the subject. Sent twice after a crash it is the same
message, so that a mail program shows it once.
"""

import os
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from app.core.egress import MAIL_RELAY, Egress


def make_message(
    text: str,
    *,
    sender: tuple[str, str],
    to: tuple[str, str],
    message_id: str,
    language: str,
    now: datetime,
) -> EmailMessage:
    """Return a message; `sender` and `to` are a name and an address each.

    What is attached later must be followed by setting Content-Language again:
    setting a content drops what was said of one before.
    """
    subject, _, body = text.partition("\n")
    message = EmailMessage(policy=SMTP.clone(utf8=not to[1].rpartition("@")[0].isascii()))
    message["Subject"] = subject.removeprefix("Subject:").strip()
    message["From"] = mailbox(*sender)
    message["To"] = mailbox(*to)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.strip() + "\n")
    message["Content-Language"] = language
    return message


def mailbox(name: str, email: str) -> Address:
    """Return a person's mailbox for a header.

    A domain of any script is written in ASCII (RFC 5891). A part before the @ can't be;
    such a message goes as UTF-8, to a relay that takes it (SMTPUTF8, RFC 6531).
    """
    if not email.isascii():
        # Lazily: most addresses are plain already, and its tables are large.
        import idna

        local, _, domain = email.rpartition("@")
        return Address(name, local, idna.encode(domain, uts46=True).decode())
    return Address(name, addr_spec=email)


def deliver(message: EmailMessage, *, name: str, egress: Egress, instance: Path) -> None:
    """Hand a message to the relay; without one, the demo keeps it as a file of that name."""
    if MAIL_RELAY.code in egress.recipients():
        with egress.mail_relay() as relay:
            relay.send_message(message)
        return
    folder = instance / "mail"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft, path = folder / f".{name}.draft", folder / f"{name}.eml"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(message.as_bytes())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)  # what a full disk took half of
