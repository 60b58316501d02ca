"""Letters with one-time links, in the company's language."""

from __future__ import annotations

from typing import Final

from hub.sdk.errors import ConfigError
from hub.sending import mail
from hub.store.store import Store

#: {kind: {language: (subject, text)}}: sent by a thread, where no request says the language.
LETTERS: Final = {
    "invite": {
        "ru": (
            "Приглашение в Узел",
            "Здравствуйте{name}!\n\nВас приглашают работать в Узле. Откройте ссылку и придумайте"
            " пароль:\n\n{link}\n\nСсылка одноразовая и действует 7 дней. Если вы не ждали этого"
            " письма, просто удалите его.\n",
        ),
        "en": (
            "Invitation to Uzel",
            "Hello{name}!\n\nYou are invited to work in Uzel. Open the link and choose a password:"
            "\n\n{link}\n\nThe link works once, for 7 days. If you did not expect this letter,"
            " delete it.\n",
        ),
    },
    "reset": {
        "ru": (
            "Новый пароль для Узла",
            "Здравствуйте{name}!\n\nЧтобы задать новый пароль, откройте ссылку:\n\n{link}\n\nСсылка"
            " одноразовая и действует 2 часа. Если вы не просили её, ничего делать не нужно:"
            " прежний пароль остаётся в силе.\n",
        ),
        "en": (
            "A new password for Uzel",
            "Hello{name}!\n\nTo set a new password, open the link:\n\n{link}\n\nThe link works"
            " once, for 2 hours. If you did not ask for it, do nothing: the former one stays.\n",
        ),
    },
}


def site_url(store: Store) -> str:
    """The site's address as people reach it, from hub.yml; empty when nobody named it.

    A link that is sent to somebody must not be made of the Host that a stranger's request names.
    """
    return str(store.settings.option("site.url", "")).rstrip("/")


def has_server(store: Store) -> bool:
    """Whether letters can be sent at all."""
    try:
        return mail.server_of(store.settings) is not None
    except ConfigError:
        return False


def can_send_links(store: Store) -> bool:
    """Whether somebody who is not signed in may be sent a link."""
    return bool(site_url(store)) and has_server(store)


def send_link(store: Store, kind: str, address: str, name: str, link: str) -> None:
    """Send an invitation or a link for a new password. HubError when the letter is not taken."""
    subject, text = LETTERS[kind][store.settings.language]
    called = f", {name}" if name and name != address else ""
    letter = mail.Letter(address, subject, text.format(name=called, link=link))
    mail.send(mail.required_server(store.settings), letter)
