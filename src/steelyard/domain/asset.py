"""Assets: the keys a firm gives them, and the numbers that identify them to the world."""

import re
import unicodedata
from typing import Final

from steelyard.errors import InvalidInputError

MAX_ASSET_ID_LENGTH: Final = 64

_FORBIDDEN_IN_ID: Final = re.compile(r"[^A-Za-z0-9.\-/:^=_& ]")
_ISIN: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")


class AssetIdError(InvalidInputError):
    """A text cannot be the key of an asset."""

    def __init__(self, text: str, why: str) -> None:
        """Name the text and the rule it breaks."""
        self.why = why
        super().__init__(f"asset_id {text[:MAX_ASSET_ID_LENGTH]!r} {why}.")


def normalize_asset_id(text: str) -> str:
    r"""Return the asset id a firm means by `text`: full-width letters become plain ones (Unicode NFKC).

    The key is the firm's own. Plain letters, digits, inner spaces and `. - / : ^ = _ &` are allowed, at most
    64 characters. Letters of other scripts are refused: they can look the same and be another asset.

    Raises:
        AssetIdError: the text is empty, too long, or holds a character that is not allowed.

    >>> normalize_asset_id("BRK.B"), normalize_asset_id("\uff21\uff21")
    ('BRK.B', 'AA')
    """
    asset_id = unicodedata.normalize("NFKC", text) if len(text) <= MAX_ASSET_ID_LENGTH else text
    if why := _why_not_an_id(asset_id):
        raise AssetIdError(text, why)
    return asset_id


def is_in_asset_id(character: str) -> bool:
    """Whether a character may stand in an asset id.

    >>> is_in_asset_id("B"), is_in_asset_id("(")
    (True, False)
    """
    return not _FORBIDDEN_IN_ID.search(character)


def _why_not_an_id(asset_id: str) -> str:
    if not asset_id:
        return "is empty"
    if len(asset_id) > MAX_ASSET_ID_LENGTH:
        return f"is longer than {MAX_ASSET_ID_LENGTH} characters"
    if found := _FORBIDDEN_IN_ID.search(asset_id):
        return f"holds {_name_of(found.group())}, which is not allowed in an id"
    if asset_id != asset_id.strip():
        return "starts or ends with a space"
    if ".." in asset_id:
        return "holds two dots in a row"
    return ""


def _name_of(character: str) -> str:
    name = unicodedata.name(character, "a control character")
    return f"U+{ord(character):04X} ({name.lower()})"


def isin_check_digit(first_eleven: str) -> int:
    """Return the twelfth digit of an ISIN: Luhn's sum over its characters, letters as 10 to 35 (ISO 6166).

    >>> isin_check_digit("US037833100")
    5
    """
    digits = "".join(str(int(character, 36)) for character in first_eleven)
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))]
    return -sum(value // 10 + value % 10 for value in doubled) % 10


def is_isin(text: str) -> bool:
    """Whether `text` has the form of an ISIN and the right check digit.

    >>> is_isin("US0378331005"), is_isin("US0378331006")
    (True, False)
    """
    return bool(_ISIN.fullmatch(text)) and isin_check_digit(text[:11]) == int(text[11])
