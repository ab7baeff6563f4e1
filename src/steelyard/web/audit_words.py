"""The audit in words: what each action did, as the end of a sentence that begins with who did it."""

from collections.abc import Mapping
from typing import Final

from steelyard.domain.audit import AuditEvent

DID: Final[Mapping[str, str]] = {
    "account.open": "opened an empty account with what a broker holds",
    "account_number.remove": "removed the number of an account at its broker",
    "account_number.set": "set the number of an account at its broker",
    "activity.book": "booked what a broker reported",
    "activity.refuse": "could not book what a broker reported",
    "asset_360.publish": "published a version of asset 360",
    "audit.export": "exported the audit",
    "block.apportion": "shared out what a block was filled",
    "book.attach": "attached tables of the firm",
    "book.detach": "let attached tables go",
    "book.export": "took a book away as files",
    "book.load": "loaded files",
    "book.refuse": "refused files",
    "break.find": "found that broker and ledger differ",
    "break.resolve": "resolved a difference with a broker",
    "broker_link.attach": "chose the broker of an account",
    "broker_link.end": "ended the link to a broker",
    "broker_link.make": "linked a broker",
    "broker_link.reconcile": "compared what a broker holds with the ledger",
    "compliance.check": "judged accounts by the rules in force",
    "fill.assign": "said whose a fill is",
    "fill.book": "booked an execution",
    "fill.bust": "took an execution back",
    "fill.contradict": "found an execution that a broker said twice, and not the same",
    "fill.refuse": "could not keep an execution",
    "fill.suspend": "put a fill into suspense",
    "grant.create": "granted accounts",
    "grant.end": "took a grant back",
    "hold.place": "placed a hold",
    "hold.release": "released a hold",
    "identity.link": "linked their identity at a provider",
    "identity.unlink": "unlinked their identity at a provider",
    "import.run": "imported statements",
    "import.undo": "took an import back",
    "key.create": "made a key of the tenant",
    "key.destroy": "destroyed keys of the tenant",
    "key.rewrap": "encrypted keys of the tenant anew",
    "key.rotate": "made a new key of the tenant",
    "ledger.post": "booked what waited",
    "limit.end": "took limits of orders away",
    "limit.write": "wrote limits of orders",
    "link.accept": "accepted a link",
    "link.create": "made a link that lets somebody in",
    "link.end": "ended links that let somebody in",
    "master_key.create": "added a master key",
    "model.assign": "chose the model of an account",
    "model.write": "wrote a model",
    "notice.read": "read their notices",
    "order.cancel": "cancelled an order",
    "order.move": "wrote down what became of an order",
    "order.raise": "told the owners that nobody can say where an order is",
    "order.replace": "replaced an order",
    "order.resolve": "said where an unknown order is",
    "order.send": "sent an order",
    "passkey.copied": "found signs of a copied passkey",
    "passkey.enrol": "enrolled a passkey",
    "passkey.remove": "removed a passkey",
    "passkey.rename": "renamed a passkey",
    "password.change": "changed their password",
    "password.remove": "removed their password",
    "personal_data.erase": "erased a person's data",
    "personal_data.export": "exported a person's data",
    "price.backfill": "brought in a history of prices",
    "price.override": "let old prices pass",
    "profile.write": "wrote down what an investor wants and bears",
    "proposal.approve": "approved a proposal",
    "proposal.execute": "gave a proposal to be executed",
    "proposal.expire": "let a proposal run out",
    "proposal.review": "stored a proposal for review",
    "proposal.withdraw": "withdrew a proposal",
    "rate.backfill": "brought in a history of exchange rates",
    "recovery.approve": "approved that somebody is let in again",
    "recovery.ask": "asked that somebody be let in again",
    "recovery_code.renew": "renewed their recovery codes",
    "recovery_code.use": "used a recovery code",
    "rule.end": "ended a rule",
    "rule.override": "let a proposal pass a rule",
    "rule.write": "wrote a rule",
    "run.approve": "approved a run over accounts",
    "run.begin": "began a run over accounts",
    "run.drop": "left accounts out of a run",
    "run.execute": "gave a run to be executed",
    "run.expire": "let a run over accounts run out",
    "run.make": "made a run over accounts",
    "run.withdraw": "withdrew a run over accounts",
    "schema.migrate": "made or changed the schema",
    "second_factor.fail": "showed a wrong second factor too often",
    "session.end": "signed out",
    "session.end_others": "ended their other sessions",
    "session.start": "signed in",
    "session.step_up": "proved again who they are",
    "stop.pull": "pulled the kill switch",
    "stop.release": "released the kill switch",
    "store.back_up": "backed the store up",
    "store.restore": "restored the store",
    "store.upgrade": "upgraded the store",
    "tenant.change_code_limit": "changed what a code approves",
    "tenant.change_limit": "changed what one person approves alone",
    "tenant.change_minutes": "changed how long a proposal lives",
    "tenant.change_tolerance": "changed how far a price may move",
    "tenant.create": "made the tenant",
    "tenant.erase": "destroyed a tenant's keys",
    "tenant.require_mfa": "changed who needs a second factor",
    "token.create": "made an API token",
    "token.end": "ended an API token",
    "totp.enrol": "enrolled an authenticator app",
    "totp.remove": "removed an authenticator app",
    "transaction.record": "recorded transactions",
    "transaction.reverse": "took transactions back",
    "user.change_limit": "changed what somebody approves alone",
    "user.change_role": "changed somebody's role",
    "user.create": "added a user",
    "user.disable": "disabled a user",
    "user.enable": "enabled a user",
}
"""Action → what was done; docs/reference/audit.md lists the same."""


def did(event: AuditEvent) -> str:
    """Return what an event says was done.

    >>> did(AuditEvent(1, 1, "2026-11-21T09:30:00.000000Z", "operator", "rule.write", "rule", "cap", {}, "", b"", b""))
    'wrote a rule'
    """
    return DID.get(event.action, f"did {event.action}")


def fact_words(event: AuditEvent) -> list[tuple[str, str]]:
    """Return the facts of an event, each with its name as people read it; those that are null are left out.

    >>> facts = {"is_enough": True, "rows": 3, "limit": None}
    >>> fact_words(AuditEvent(1, 1, "", "operator", "proposal.approve", "", "", facts, "", b"", b""))
    [('is enough', 'yes'), ('rows', '3')]
    """
    return [
        (name.replace("_", " "), _said(value)) for name, value in event.facts.items() if value is not None
    ]


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value}"
