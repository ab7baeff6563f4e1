"""Toy routes for tests of the shell: one of each kind, behind two people whom it knows."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from serving import Served, serving
from steelyard.errors import ConflictError
from steelyard.identity.permissions import Actor, ObjectType, Right, Role, Verb
from steelyard.identity.session import NotSignedInError
from steelyard.server.input import (
    AssetId,
    Cursor,
    Day,
    Exact,
    Id,
    Moment,
    Name,
    PageSize,
    Symbol,
    read_cursor,
)
from steelyard.server.permits import CurrentActor, permits, public, signed_in, signing_in
from steelyard.server.upload import AskedUpload
from steelyard.server.wiring import Wiring
from steelyard.storage.address import DatabaseUnreachableError

CANARY = "canary-7f3a9c"
"""What may stand in no log, no figure and no error."""

SESSION = f"{CANARY}-session".ljust(43, "0")
TOKEN = f"sy_{'0' * 32}_{f'{CANARY}-token'.ljust(43, '0')}"
COOKIE = f"sid={SESSION}"
BEARER = f"Bearer {TOKEN}"
SAME_SITE = {"sec_fetch_site": "same-origin"}
JSON = {"content_type": "application/json"}

ADVISOR = UUID(int=5)
SERVICE = UUID(int=6)


class Toy(BaseModel):
    """Something to make, with a field of each kind."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    quantity: Exact | None = None
    symbol: Symbol | None = None
    asset_id: AssetId | None = None
    day: Day | None = None
    moment: Moment | None = None
    name: Name | None = None


class AlreadyMadeError(ConflictError):
    """A toy of this kind is there."""

    def __init__(self) -> None:
        super().__init__("There is such a toy already. Make another.")


class ToyError(Exception):
    """A defect."""


class Gate:
    """Lets a route wait until a test opens it."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()

    async def wait(self) -> None:
        self.entered.set()
        while not self.open.is_set():
            await asyncio.sleep(0.005)


async def find_actor(secret: str, request_id: str, *, is_present: bool = True) -> Actor:
    """Know an advisor by their session and a service by its token."""
    del is_present
    if secret == SESSION:
        grants = {"A-1": frozenset({Right.READ, Right.PROPOSE})}
        return Actor(1, ADVISOR, Role.ADVISOR, session_id=UUID(int=9), grants=grants, request_id=request_id)
    if secret == TOKEN:
        scopes = frozenset({(Verb.READ, ObjectType.PORTFOLIO), (Verb.PROPOSE, ObjectType.ORDER)})
        return Actor(1, SERVICE, Role.SERVICE, token_id=UUID(int=8), scopes=scopes, request_id=request_id)
    raise NotSignedInError


@contextmanager
def serving_toys(toys: "Toys | None" = None, **parts: Any) -> Iterator[Served]:
    """Serve the routes to the people whom `find_actor` knows."""
    with serving((toys or Toys()).routers, find_actor=find_actor, **parts) as server:
        yield server


class Toys:
    """The routes, what they did, and the gate of the one that waits."""

    def __init__(self) -> None:
        self.made: list[Toy] = []
        self.gate = Gate()

    def routers(self, wiring: Wiring) -> Sequence[APIRouter]:
        del wiring
        return [self._changing(), self._reading(), self._failing()]

    def _changing(self) -> APIRouter:
        router = APIRouter(prefix="/api/v1")
        propose = permits(Verb.PROPOSE, ObjectType.ORDER)

        @router.post("/toys", dependencies=[propose])
        async def make_toy(toy: Toy) -> Toy:
            self.made.append(toy)
            return toy

        @router.put("/toys/{toy_id}", dependencies=[propose])
        async def change_toy(toy_id: Id) -> dict[str, str]:
            return {"toy_id": toy_id}

        @router.delete("/toys/{toy_id}", dependencies=[propose])
        async def end_toy(toy_id: Id) -> dict[str, str]:
            return {"toy_id": toy_id}

        @router.patch("/large", dependencies=[propose], max_body_size=1_000_000)
        async def change_large(toy: dict[str, int]) -> int:
            return len(toy)

        files = permits(Verb.PROPOSE, ObjectType.ORDER, takes_files=True)

        @router.post("/files", dependencies=[files], max_body_size=1_000_000)
        async def take_files(upload: AskedUpload) -> list[str]:
            return [] if upload is None else [file.name for file in upload.files]

        @router.post("/sign-in", dependencies=[signing_in()])
        async def sign_in(secret: dict[str, str]) -> int:
            return len(secret)

        @router.post("/open", dependencies=[public()])
        async def post_openly() -> str:
            return "open"

        return router

    def _reading(self) -> APIRouter:
        router = APIRouter(prefix="/api/v1")
        read = permits(Verb.READ, ObjectType.PORTFOLIO)

        @router.get("/toys", dependencies=[read])
        async def list_toys(limit: PageSize = 50, after: Cursor | None = None) -> dict[str, int]:
            return {"limit": limit, "keys": len(read_cursor(after)) if after else 0}

        @router.get(
            "/accounts/{account_id}/toys",
            dependencies=[permits(Verb.READ, ObjectType.PORTFOLIO, account="account_id")],
        )
        async def list_toys_of_account(account_id: Id, actor: CurrentActor) -> dict[str, str]:
            return {"account_id": account_id, "actor": actor.name}

        @router.get("/users", dependencies=[permits(Verb.READ, ObjectType.USER)])
        async def list_users() -> list[str]:
            return []

        @router.get("/me")
        async def get_me(actor: CurrentActor, _: Annotated[None, signed_in()]) -> str:
            return actor.name

        @router.get("/wait", dependencies=[read])
        async def wait() -> str:
            await self.gate.wait()
            return "waited"

        return router

    def _failing(self) -> APIRouter:
        router = APIRouter(prefix="/api/v1")
        read = permits(Verb.READ, ObjectType.PORTFOLIO)

        @router.get("/defect", dependencies=[read])
        async def fail() -> None:
            raise ToyError(f"the password is {CANARY}")

        @router.get("/late", dependencies=[read])
        async def be_late() -> None:
            raise TimeoutError(CANARY)

        @router.get("/conflict", dependencies=[read])
        async def collide() -> None:
            raise AlreadyMadeError

        @router.get("/store", dependencies=[read])
        async def lose_store() -> None:
            raise DatabaseUnreachableError(f"postgresql://{CANARY}@db.internal/steelyard", CANARY)

        return router
