"""What the published scenarios of Portfolio Performance expect, read from the Java they stand in."""

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from published import Case

CENT: Final = Decimal("0.01")

_OPERATORS: Final[dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Expected:
    """One assertion of a case.

    Attributes:
        what: the Java expression that is asserted.
        text: the Java expression that it must equal.
        tolerance: how far it may be off; None = by nothing that is published.
    """

    what: str
    text: str
    tolerance: Decimal | None

    @property
    def value(self) -> Decimal | date:
        """What is expected: an amount in major units, units of an asset, a fraction, a count or a day."""
        if day := re.fullmatch(r'LocalDate\.parse\("(\S+)"\)', self.text):
            return date.fromisoformat(day[1])
        return number(self.text)

    def is_met(self, figure: Any, rounded: int = 1) -> bool:
        """Whether a figure agrees: to the tolerance, or to half of the last digit of so many amounts."""
        value = self.value
        if not isinstance(value, Decimal):
            return bool(figure == value)
        return abs(Decimal(float(figure)) - value) <= (self.tolerance or rounded * self.half_digit)

    @property
    def half_digit(self) -> Decimal:
        """How exact a value is that states no tolerance: half a cent, or half a digit, and what a float loses."""
        half = CENT / 2 if "Money" in self.text or "Amount" in self.text else Decimal("0.5e-8")
        return half * Decimal("1.0000001")


def expectations(case: Case) -> list[Expected]:
    """Return the assertions of a case that state a value."""
    return [
        Expected(one["what"], *_closeness(one["expected"], one.get("tol")))
        for one in case["assertions"]
        if "expected" in one
    ]


def _closeness(text: str, tolerance: str | None) -> tuple[str, Decimal | None]:
    """Separate IsCloseTo.closeTo(value, tolerance) into the two."""
    if close := re.fullmatch(r"IsCloseTo\.closeTo\((.+), ([\d.]+)\)+", text):
        return close[1], Decimal(close[2])
    return text, Decimal(tolerance) if tolerance else None


def number(text: str) -> Decimal:
    """Compute what a Java expression of money, units, quotes or plain numbers comes to, in whole units."""
    if units := re.match(r"Money\.of\([^,]+, (\d[\d_]*L?|-\d+L)\)+$", text):
        return _arithmetic(units[1]) / 100
    if rounded := re.match(r"Money\.of\([^,]+, Math\.round\((.+)\)\)", text):
        return _arithmetic(rounded[1]).quantize(Decimal(1)) / 100
    if quote := re.match(r'Quote\.of\("\w+", (-?\d+)L\)', text):
        return Decimal(quote[1]).scaleb(-8)
    plain = re.sub(r"Money\.of\([^,]+, |Values\.(Amount|Money|Share)\.factorize|//", "", text)
    return _arithmetic(plain)


def _arithmetic(text: str) -> Decimal:
    """Compute sums and products of decimals; closing brackets left over by the extraction are dropped."""
    bare = re.sub(r"(?<=[\d.])[dL]\b", "", text).strip()
    surplus = bare.count(")") - bare.count("(")
    return _evaluate(ast.parse(bare[: len(bare) - surplus], mode="eval").body, bare)


def _evaluate(node: ast.expr, text: str) -> Decimal:
    match node:
        case ast.BinOp(left, operation, right):
            return _OPERATORS[type(operation)](_evaluate(left, text), _evaluate(right, text))
        case ast.UnaryOp(ast.USub(), operand):
            return -_evaluate(operand, text)
        case ast.Constant(value) if isinstance(value, int | float):
            return Decimal(repr(value))
    raise ValueError(text)
