"""An interpreter of trails: makes a figure again from the JSON of its trail, in decimals, knowing no code of ours."""

import ast
from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import reduce
from itertools import accumulate, pairwise
from typing import Any

Vector = list[Any]
Value = Any

DIGITS = 40
CLOSE = Decimal("1e-9")


class BrokenTrailError(AssertionError):
    """A column or a figure is not what its formula says."""


def remade(trail: dict[str, Any]) -> Decimal:
    """Make the figure of a trail, as JSON gives it with decimals, and every column that its formula makes.

    Columns that are made are compared with those printed, and parts with their own trails.
    """
    with localcontext() as context:
        context.prec = DIGITS
        for part in trail["parts"]:
            if part["value"] is not None:
                check(part)
        names = _names(trail)
        *statements, last = trail["formula"].split("; ")
        for statement in statements:
            name, _, expression = statement.partition(" = ")
            names[name] = _evaluate(expression, names)
            printed = [row[trail["columns"].index(name)] for row in trail["rows"]]
            for place, (made, said) in enumerate(zip(names[name], printed, strict=True)):
                if not _is_close(made, said):
                    raise BrokenTrailError(f"{trail['figure']}: {name} of row {place} is {made}, not {said}")
        return Decimal(_evaluate(last, names))


def check(trail: dict[str, Any]) -> Decimal:
    """Return the figure as made again; end unless it comes out as printed."""
    made = remade(trail)
    if not _is_close(made, trail["value"]):
        raise BrokenTrailError(f"{trail['figure']} is {made}, not {trail['value']}: {trail['formula']}")
    return made


def _is_close(made: Value, said: Value) -> bool:
    """Compare: words and exact money as they are, numbers that were floats within what floats keep."""
    if made is None or said is None or isinstance(said, str):
        return bool(made == said)
    return abs(Decimal(made) - Decimal(said)) <= CLOSE * max(Decimal(1), abs(Decimal(said)))


def _names(trail: dict[str, Any]) -> dict[str, Value]:
    columns = dict(
        zip(trail["columns"], map(list, zip(*trail["rows"], strict=True)), strict=True)
        if trail["rows"]
        else [(name, []) for name in trail["columns"]]
    )
    numbers = {name: v for name, v in trail["conventions"].items() if isinstance(v, int | Decimal)}
    return {**numbers, **{part["figure"]: part["value"] for part in trail["parts"]}, **columns}


def _evaluate(expression: str, names: dict[str, Value]) -> Value:
    return _value(ast.parse(expression, mode="eval").body, names)


def _value(node: ast.expr, names: dict[str, Value]) -> Value:
    match node:
        case ast.Constant(value=number):
            return Decimal(str(number))
        case ast.Name(id=name):
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _by_row(lambda x: -x, _value(operand, names))
        case ast.BinOp(left=left, op=operator, right=right):
            return _by_row(ARITHMETIC[type(operator)], _value(left, names), _value(right, names))
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _by_row(COMPARISON[type(operator)], _value(left, names), _value(right, names))
    return _called(node, names)


def _called(node: ast.expr, names: dict[str, Value]) -> Value:
    match node:
        case ast.Call(func=ast.Name(id="solve"), args=[equation, ast.Name(id=unknown)]):
            return _solved(lambda x: _value(equation, {**names, unknown: x}))
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return FUNCTIONS[function](*(_value(argument, names) for argument in arguments))
    raise BrokenTrailError(f"not a formula: {ast.unparse(node)}")


def _by_row(function: Callable[..., Value], *sides: Value) -> Value:
    """Combine numbers, or columns row by row; a number stands beside every row."""
    length = next((len(side) for side in sides if isinstance(side, list)), None)
    if length is None:
        return function(*sides)
    spread = [side if isinstance(side, list) else [side] * length for side in sides]
    return [function(*row) for row in zip(*spread, strict=True)]


ARITHMETIC: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: Decimal(a) / Decimal(b),
    ast.Pow: lambda a, b: Decimal(a) ** Decimal(b),
}
COMPARISON: dict[type[ast.cmpop], Callable[[Value, Value], Value]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}


def _mean(x: Vector) -> Decimal:
    return sum(x, Decimal(0)) / len(x)


def _quantile(x: Vector, p: Decimal) -> Decimal:
    ranked: Vector = sorted(x)
    place = p * (len(ranked) - 1)
    low = int(place)
    high = min(low + 1, len(ranked) - 1)
    share = place - low
    return Decimal((1 - share) * ranked[low] + share * ranked[high])


def _rounded(x: Value, places: Decimal) -> Value:
    return _by_row(lambda one: Decimal(one).quantize(Decimal(1).scaleb(-int(places)), "ROUND_HALF_UP"), x)


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "sum": lambda x: sum(x, Decimal(0)),
    "product": lambda x: reduce(lambda a, b: a * b, x, Decimal(1)),
    "mean": _mean,
    "count": len,
    "sqrt": lambda x: _by_row(lambda one: Decimal(one).sqrt(), x),
    "max": lambda *x: _by_row(max, *x) if len(x) > 1 else max(x[0]),
    "min": lambda *x: _by_row(min, *x) if len(x) > 1 else min(x[0]),
    "last": lambda x: x[-1],
    "first": lambda x: x[0],
    "before": lambda x, start: [start, *x[:-1]],
    "where": lambda x, condition: [one for one, holds in zip(x, condition, strict=True) if holds],
    "running_product": lambda x: list(accumulate(x, lambda a, b: a * b)),
    "running_sum": lambda x: list(accumulate(x)),
    "running_max": lambda x: list(accumulate(x, max)),
    "quantile": _quantile,
    "round": _rounded,
}


def _solved(function: Callable[[Decimal], Decimal]) -> Decimal:
    """Find the one root above -1 by a scan and halving; none or several is a broken trail."""
    grid = [Decimal(step) / 200 - 1 for step in (Decimal("0.02"), *map(Decimal, range(1, 400)))]
    grid += [Decimal("1.5") ** step for step in range(40)]
    brackets = [(low, high) for low, high in pairwise(grid) if (function(low) < 0) != (function(high) < 0)]
    if len(brackets) != 1:
        raise BrokenTrailError(f"{len(brackets)} rates solve it")
    low, high = brackets[0]
    falls = function(high) < 0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if (function(middle) > 0) == falls else (low, middle)
    return (low + high) / 2
