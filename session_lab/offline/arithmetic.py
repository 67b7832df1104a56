"""Calculations, exact and without `eval`."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from fractions import Fraction

from session_lab.offline.wording import SAY

OPERATORS: dict[type[ast.AST], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
SPELLED = [
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in (
        (r"(?<=\d),(?=\d{3}\b)", ""),
        (r"(?:%| percent) of\b", "/100*"),
        (r"\b(?:the )?square root of (\d[\d.]*)", r"\1**0.5"),
        (r"\bplus\b", "+"),
        (r"\bminus\b|\u2212", "-"),
        (r"\b(?:times|multiplied by)\b|(?<=[\d)\s])x(?=[\s\d(])|\u00d7", "*"),
        (r"\b(?:divided by|over)\b|\u00f7", "/"),
        (r"\bto the power of\b|\^", "**"),
        (r"\bsquared\b", "**2"),
        (r"\bcubed\b", "**3"),
    )
]
SPELLED += [
    (re.compile(rf"\b{word}\b", re.IGNORECASE), str(number))
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
]
SUM_LEAD = re.compile(
    r"(?:(?:can|could) you )?(?:please )?(?:tell me )?(?:what is|how much is|calculate|compute"
    r"|what does|solve|and)? *",
    re.IGNORECASE,
)
SUM = re.compile(r"[-(\d.][\d.\s()+*/%-]*[+*/%-][\d.\s()+*/%-]*")
CALCULATES = re.compile(
    r"[\d)] ?[-+*/x^%\u00d7\u00f7\u2212]"
    r"|\b(?:plus|minus|times|divided|multiplied|over|squared|cubed|root|percent|power)\b",
    re.IGNORECASE,
)
LARGEST_BITS = 4_000


def expression(text: str) -> str | None:
    """The calculation that a text consists of, in Python's notation, or None."""
    text = SUM_LEAD.sub("", text.strip(" ?!=."), count=1)
    if len(text) > 200:
        return None
    for pattern, symbol in SPELLED:
        text = pattern.sub(symbol, text)
    text = re.sub(r"\s*(?:=|equals?|make)?\s*$", "", text)
    looks_like_an_id = re.fullmatch(r"\d+(?:-\d+)+", text)
    return text if SUM.fullmatch(text) and not looks_like_an_id else None


def calculate(text: str) -> str | None:
    """The result of a calculation, exact where it has few digits; None if `text` is none."""
    formula = expression(text) if CALCULATES.search(text) else None
    if formula is None:
        return None
    try:
        value = _value(ast.parse(formula.strip(), mode="eval").body)
    except ZeroDivisionError:
        return SAY["zero"]
    except OverflowError:
        return SAY["huge"]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    shown = " ".join(text.strip(" ?!=.").split())
    return SAY["calculation"].format(SUM_LEAD.sub("", shown, count=1), _number(value))


def _value(node: ast.AST) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if not isinstance(node, ast.BinOp):
        raise ValueError("not arithmetic")
    left, right = _value(node.left), _value(node.right)
    if isinstance(node.op, ast.Pow):
        return _power(left, right)
    if type(node.op) not in OPERATORS:
        raise ValueError("not arithmetic")
    return OPERATORS[type(node.op)](left, right)


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent == Fraction(1, 2) and base >= 0:
        return Fraction(str(math.sqrt(base)))
    if exponent.denominator != 1:
        raise ValueError("roots are not supported")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits * abs(exponent.numerator) > LARGEST_BITS:
        raise OverflowError
    return Fraction(base**exponent.numerator)


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.10g}"
