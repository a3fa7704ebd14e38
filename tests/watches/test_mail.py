"""Watches by e-mail, with a mail server on loopback."""

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from make import dataset, event
from service import find_free_port
from watches.test_delivery import make_key, open_api, wait_until

from app.db.engine import Database
from app.watches import dispatcher

pytestmark = pytest.mark.slow


class Mailbox:
    """A mail server that keeps what arrives, and refuses where it is asked to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusals = 0

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802
        if self.refusals:
            self.refusals -= 1
            return "451 try again"
        made = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(made, EmailMessage)
        self.mails.append(made)
        return "250 OK"


def test_what_comes_together_is_one_mail(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "MAIL_INTERVAL", 0.05)
    mailbox = Mailbox()
    mailbox.refusals = 1
    server = Controller(mailbox, hostname="127.0.0.1", port=find_free_port())
    server.start()
    with database.write() as db:
        dataset(db)
        for n in range(3):
            event(db, "ARM", key=f"m{n}", title=f"first\r\nBcc: x@y.example {n}")
    body = {"name": "desk", "events": {"actor": "ARM"}, "email": "desk@news.example", "after": 0}
    smtp = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
    try:
        with open_api(database, make_key(database), **smtp) as api:
            made = api.post("/v1/watches", json=body)
            assert made.status_code == 201, made.text
            watch = made.json()["id"]
            said = wait_until(api, watch, "delivered", 3)
            assert said[-1]["attempts"] == 2
            with database.write() as db:
                event(db, "ARM", key="m0", title="second")
            wait_until(api, watch, "delivered", 4)
            for wrong in ("a@b\r\nBcc: c@d", "no address", "a b@c"):
                answer = api.post("/v1/watches", json=body | {"email": wrong})
                assert answer.status_code == 422, wrong
    finally:
        server.stop()
    first, second = mailbox.mails
    assert first["To"] == "desk@news.example"
    assert first["Bcc"] is None
    assert first.get_content().count("New: first") == 3
    assert "/v1/events/made:m2" in first.get_content()
    assert second["Subject"] == "desk: Changed: second"


def test_without_a_mail_server_it_is_refused(database: Database) -> None:
    with open_api(database, make_key(database)) as api:
        body = {"name": "w", "events": {}, "email": "a@b.example"}
        answer = api.post("/v1/watches", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["loc"] == ["body", "email"]
