"""Reports of books made by hand: an empty one, an ordinary one, and one whose names want to be more than names."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from steelyard.domain.scope import Scope
from steelyard.services.report import Report, make_report
from steelyard.storage.asset_360 import (
    ComplianceRow,
    Document,
    ExposureRow,
    Overview,
    PerformanceRow,
    RiskRow,
    Version,
    VolumeRow,
)

HOSTILE = [
    "<script>document.title='owned'</script>",
    '"onmouseover="alert(1)',
    "</style></title><img src=x onerror=\"document.title='owned'\">",
    "שלום עולם (מניות)",
    "\u202edesrever\u0007",
    "A" * 200,
    "&lt;b&gt; {{ 7 * 7 }} {% raw %}",
    "中文名稱很長的一家公司股份有限公司",
    "A fund of funds with many words in its name, share class accumulating, hedged",
]
MONTHS = [f"2022-{month:02}" for month in range(2, 13)] + ["2023-01"]

EMPTY = Document(
    as_of=date(2023, 1, 28),
    version=3,
    scope_kind="tenant",
    scope_id="",
    base_currency="USD",
    overview=Overview(0, Decimal(0), 0),
    risk=[],
    performers=[],
    compliance=[],
    volume=[VolumeRow(month, Decimal(0)) for month in MONTHS],
    exposure={},
    risk_free={},
    quality={},
)
ORDINARY = replace(
    EMPTY,
    overview=Overview(3, Decimal("1000.005"), 1, weighted_return=-0.1234, mean_return=0.05),
    risk=[
        RiskRow("AMD", "Advanced Micro Devices", 0.0523, 1.8, -0.35),
        RiskRow("CHF", "Swiss franc", None, None, None),
    ],
    performers=[PerformanceRow("XOM", "Exxon Mobil", 0.0028, 0.3, 0.82, "OUTPERFORMING")],
    compliance=[ComplianceRow("AMD", "Advanced Micro Devices", 2, date(2022, 9, 30))],
    volume=[*EMPTY.volume[:10], VolumeRow("2022-12", None), VolumeRow("2023-01", Decimal("1500.5"))],
    exposure={
        "risk_category": [
            ExposureRow("HIGH", 1, Decimal("750.002")),
            ExposureRow("LOW", 2, Decimal("250.003")),
        ],
        "asset_type": [ExposureRow("Equity", 3, Decimal("1000.005"))],
        "sector": [
            ExposureRow("Energy", 1, Decimal("900.005")),
            ExposureRow("Cash", 2, Decimal(100)),
        ],
        "country": [ExposureRow("Long", 2, Decimal("1100.005")), ExposureRow("Short", 1, Decimal(-100))],
    },
    quality={"no_benchmark": 2, "stale_price": 1},
)
NASTY = replace(
    EMPTY,
    scope_kind="household",
    scope_id=HOSTILE[0],
    overview=Overview(99_999, Decimal("123456789012.34"), 17, -0.1234, 12.5),
    risk=[RiskRow(name, HOSTILE[-place - 1], 0.9, 1234.5, -0.35) for place, name in enumerate(HOSTILE)],
    performers=[PerformanceRow(name, name, 0.01, 123.4, 12.34, name) for name in HOSTILE[:5]],
    compliance=[ComplianceRow(f"{name}{again}", name, 2000, None) for again in range(4) for name in HOSTILE],
    volume=[VolumeRow(month, Decimal(98_765_432_109 * place)) for place, month in enumerate(MONTHS)],
    exposure={
        dimension: [
            ExposureRow(f"{name}{again}", again + 1, Decimal(10**8))
            for again in range(copies)
            for name in HOSTILE
        ]
        for dimension, copies in {"risk_category": 1, "asset_type": 1, "sector": 3, "country": 2}.items()
    },
    risk_free={"USD": HOSTILE[3]},
    quality={HOSTILE[0]: 2},
)


def report_of(document: Document, *, name: str = "") -> Report:
    """Return the report of a document, as of a version published long ago."""
    version = Version(
        version=document.version,
        as_of=document.as_of,
        universe=False,
        row_count=document.overview.total_assets,
        content_hash="ab" * 32,
        recorded_at=datetime(2024, 1, 1, tzinfo=UTC),
        is_current=True,
    )
    scope = Scope(document.scope_kind, document.scope_id)  # type: ignore[arg-type]  # kinds as published
    return make_report(document, version, scope, name)
