"""The form that begins a run: over which accounts; how each is rebalanced is read as for one account."""

from typing import Final

from steelyard.server.input import read_id
from steelyard.services.allocation_inputs import MARKET, STORED
from steelyard.services.run import LONGEST_NAME, RunAsked, one_scope
from steelyard.storage.run import RunScope, ScopeKind
from steelyard.web.reading import Reading
from steelyard.web.rebalance_form import PRICES, read_options

MOST_TYPED: Final = 200_000
"""Characters of account ids, some ten thousand of them."""

BAND_IDLE: Final = "the band would not count: trade only what is outside it, or leave it out"

SCOPES: Final = {
    ScopeKind.ALL.value: "All accounts",
    ScopeKind.HOUSEHOLD.value: "Households",
    ScopeKind.MODEL.value: "Accounts that follow a model",
    ScopeKind.ACCOUNTS.value: "Named accounts",
}


def read_scope(reading: Reading) -> RunScope | None:
    """Read over which accounts a run is to be; None = that cannot be said, and `faults` says why."""
    kind = reading.one_of("scope", SCOPES, is_needed=False) or ScopeKind.ALL.value
    if kind == ScopeKind.ALL:
        return one_scope({})
    names = {
        ScopeKind.HOUSEHOLD: reading.form.texts("household"),
        ScopeKind.MODEL: reading.form.texts("model"),
        ScopeKind.ACCOUNTS: reading.read("accounts", _read_ids, is_needed=False) or (),
    }[ScopeKind(kind)]
    if not names:
        reading.faults.setdefault("accounts" if kind == ScopeKind.ACCOUNTS else kind, "choose at least one")
        return None
    return one_scope({ScopeKind(kind): names})


def read_run(reading: Reading, *, has_market: bool) -> RunAsked | None:
    """Read what is asked of a run; None = it cannot be asked, and `faults` says why."""
    name = reading.text("name", longest=LONGEST_NAME)
    scope = read_scope(reading)
    policy = read_options(reading)
    if policy is not None and reading.form.text("band") and policy.band is None:
        reading.faults["band_rule"] = BAND_IDLE
    source = reading.one_of("prices", PRICES, is_needed=False) or MARKET
    reason = reading.text("stale_reason", is_needed=False)
    if reading.faults or name is None or scope is None or policy is None:
        return None
    return RunAsked(
        run_name=name,
        scope=scope,
        policy=policy,
        price_source=source if has_market else STORED,
        stale_reason=reason or "",
    )


def _read_ids(typed: str) -> tuple[str, ...]:
    if len(typed) > MOST_TYPED:
        raise ValueError(f"at most {MOST_TYPED:,} characters; begin the run over a model or a household")
    names = [read_id(name) for name in typed.replace(",", " ").replace(";", " ").split()]
    return tuple(dict.fromkeys(names))
