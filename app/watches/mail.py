"""Send what a watch says by e-mail, several messages in one, through the operator's mail server."""

import smtplib
import ssl
import time
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from app.settings import WATCH_ANSWER_SECONDS, Settings
from app.text import replace_unprintable
from app.watches.feed import CHANGE_WORDS
from app.watches.sender import SendResult

MAX_SUBJECT = 150
"""Characters of a subject."""


def compose_mail(
    settings: Settings, watch: str, name: str, to: str, messages: Sequence[dict[str, Any]]
) -> EmailMessage:
    """Compose an e-mail of some messages of a watch, in order."""
    lines = [_describe_message(message, settings.public_url) for message in messages]
    mail = EmailMessage()
    more = f" (+{len(lines) - 1})" if len(lines) > 1 else ""
    subject = " ".join(replace_unprintable(f"{name}: {lines[0][0]}").split())
    mail["Subject"] = f"{subject[: MAX_SUBJECT - len(more)]}{more}"
    mail["From"], mail["To"] = settings.smtp_from, to
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="entente.invalid")
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Entente-Watch"] = watch
    mail.set_content("\n\n".join("\n".join(part) for part in lines) + "\n")
    return mail


def _describe_message(message: dict[str, Any], root: str) -> list[str]:
    data = message["data"]
    word = CHANGE_WORDS[message["type"].partition(".")[2]]
    if message["type"].startswith("shift."):
        shares = [f"  {share['date']}: {share['title']}" for share in data["evidence"]]
        found = [f"{word}: {data['shift']['sentence']}", *shares, root + data["address"]]
    else:
        # A document that is too large is left out.
        event = data["event"] or {"title": data["change"]["id"], "date": ""}
        fields = [field["field"] for field in data["changed"] or ()]
        found = [f"{word}: {event['title']}", f"  {event['date']}"]
        found += [f"  changed: {', '.join(fields)}"] if fields else []
        found.append(root + data["address"])
    return [replace_unprintable(line).replace("\r", " ").replace("\n", " ") for line in found]


def send_mail(settings: Settings, mail: EmailMessage) -> SendResult:
    """Send an e-mail; a failure is part of the result."""
    begun = time.monotonic()
    error = None
    try:
        with _connect(settings) as server:
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password)
            server.send_message(mail)
    except (smtplib.SMTPException, OSError) as failure:
        error = f"the mail server refused it: {failure}"[:500]
    return SendResult(None, error, time.monotonic() - begun)


def _connect(settings: Settings) -> smtplib.SMTP:
    place = (settings.smtp_host, settings.smtp_port)
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(
            *place, timeout=WATCH_ANSWER_SECONDS, context=ssl.create_default_context()
        )
    server = smtplib.SMTP(*place, timeout=WATCH_ANSWER_SECONDS)
    if settings.smtp_security == "starttls":
        server.starttls(context=ssl.create_default_context())
    return server
