"""The fixed cast: who works with the hub, and whose records it keeps. All invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Colleague:
    """Somebody who works with the hub."""

    name: str
    email: str
    role: str


@dataclass(frozen=True)
class Client:
    """Somebody whose calls, orders and messages the hub keeps."""

    name: str
    phone: str
    email: str


ALICE = Colleague("Алиса Админова", "alice@example.ru", "admin")
BORIS = Colleague("Борис Главный", "boris@example.ru", "head")
VERA = Colleague("Вера Продажина", "vera@example.ru", "manager")
GLEB = Colleague("Глеб Проверкин", "gleb@example.ru", "auditor")
COLLEAGUES = (ALICE, BORIS, VERA, GLEB)

IRINA = Client("Ирина Петрова", "+79161234567", "irina@example.org")
PAVEL = Client("Павел Ёлкин", "+79031112233", "pavel@example.org")
STRANGER = Client("Незнакомка", "+78125550101", "stranger@example.net")
