"""What programs read of portfolios, as JSON."""

from house import House
from steelyard.identity.permissions import Role


def test_probe(house: House) -> None:
    for role in Role:
        me = house.people[1, role]
        shown = house.do(house.shown_by(me))
        for path in (
            "/me",
            "/accounts",
            "/positions",
            "/lots",
            "/ledger",
            "/performance",
            "/asset-360/overview",
            "/asset-360/overview?account=MINE-1",
            "/asset-360/overview?household=MINE-HOUSE",
            "/asset-360/overview?household=MIXED-HOUSE",
            "/asset-360/overview?account=HIDDEN-1",
            "/positions?account=HIDDEN-1",
            "/asset-360/assets?account=MINE-1",
        ):
            house.ask("GET", path, **shown)
