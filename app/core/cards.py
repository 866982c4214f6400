"""Payment card numbers, recognised wherever somebody types one by mistake.

Cards are for the payment provider only (C03; PCI DSS 4.0.1, requirement 3).
A number is looked for the way it is printed: 13 to 19 digits of any script,
alone or in groups, that begin like a card of a known issuer and pass the
check digit (ISO/IEC 7812-1). It must begin and end where a group of digits
does, so that a piece of a longer number is not taken for a card.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate

LEAST_DIGITS, MOST_DIGITS = 13, 19

# 13 digits or more with at most three other signs between two of them ("4111 - 1111").
# A letter, a plus sign, or a comma before a space ends the run: another word or
# another telephone number follows.
_RUN = re.compile(r"[0-9](?:(?![,;]\s)[^0-9A-Za-z+]{0,3}[0-9]){12,}")
_GROUP = re.compile(r"[0-9]+")

# People write bank accounts where a refund is to go, and their groups look like a card's.
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]){11,30}\b")

# After a plus sign, 13 or 14 digits are a telephone number (E.164 allows 15).
_LONGER_THAN_DIALLED = 15

_ANY = range(LEAST_DIGITS, MOST_DIGITS + 1)
_LONG = range(16, MOST_DIGITS + 1)
# Card number lengths by leading digits; the longest prefix that fits decides.
_ISSUERS: dict[str, range | tuple[int, ...]] = {
    **{str(prefix): (16,) for prefix in range(2221, 2721)},  # Mastercard
    **{str(prefix): _LONG for prefix in range(2200, 2205)},  # Mir
    **dict.fromkeys(("2131", "1800"), (15,)),  # JCB, older
    **{str(prefix): range(14, 20) for prefix in range(300, 306)},  # Diners Club
    **{str(prefix): _LONG for prefix in range(3528, 3590)},  # JCB
    **dict.fromkeys(("3095", "36", "38", "39"), range(14, 20)),  # Diners Club
    **dict.fromkeys(("34", "37"), (15,)),  # American Express
    "4": (13, 16, 18, 19),  # Visa
    **dict.fromkeys(("51", "52", "53", "54", "55"), (16,)),  # Mastercard
    **dict.fromkeys(("50", "56", "57", "58", "59", "63", "67"), _ANY),  # Maestro
    "6": _LONG,  # Discover, UnionPay, RuPay
    "9792": (16,),  # Troy
    **dict.fromkeys(("81", "82"), (16,)),  # RuPay
}
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # twice the digit, its two digits added


def holds_card_number(text: str) -> bool:
    """Say whether `text` holds what is in all likelihood a payment card number.

    Any signs may stand between the digits, and digits may be of any script.
    About one in ten longer numbers that begin like a card passes the check digit
    by chance. Takes time in proportion to the length of the text.
    """
    plain = text if text.isascii() else "".join(map(_plain, text))
    plain = _IBAN.sub(lambda found: "iban" if _is_iban(found[0]) else found[0], plain)
    return any(_run_holds_card(groups, dialled=plus) for groups, plus in _runs(plain))


def _is_iban(text: str) -> bool:
    """Say whether `text` is a bank account by its own check digits (ISO 13616, modulo 97)."""
    account = text.replace(" ", "")
    return int("".join(str(int(sign, 36)) for sign in account[4:] + account[:4])) % 97 == 1


def _plain(character: str) -> str:
    """Return the ASCII digit, a letter, a separator or nothing, as `character` counts."""
    if character.isascii():
        return character
    if character.isdigit():
        return str(unicodedata.digit(character))
    if unicodedata.category(character) in ("Cf", "Mn"):
        return ""
    if character == "\N{FULLWIDTH PLUS SIGN}":
        return "+"
    return "a" if character.isalpha() else "-"


def _runs(text: str) -> Iterator[tuple[list[str], bool]]:
    """Yield the groups of each run of digits, and whether a plus sign stands before it."""
    for run in _RUN.finditer(text):
        yield _GROUP.findall(run.group()), run.start() > 0 and text[run.start() - 1] == "+"


def _run_holds_card(groups: list[str], *, dialled: bool) -> bool:
    digits = "".join(groups)
    ends = set(accumulate(map(len, groups)))
    # Sums from the left, so that any stretch is checked by subtraction: digits at
    # even places doubled, and digits at odd places doubled.
    values = [int(digit) for digit in digits]
    even = [0, *accumulate(v if i % 2 else _DOUBLED[v] for i, v in enumerate(values))]
    odd = [0, *accumulate(_DOUBLED[v] if i % 2 else v for i, v in enumerate(values))]
    for start in sorted({0, *ends}):
        for length in _lengths(digits[start : start + 4]):
            if dialled and start == 0 and length < _LONGER_THAN_DIALLED:
                continue
            end = start + length
            # The last digit is never doubled: the one before it is.
            sums = even if end % 2 == 0 else odd
            if end in ends and (sums[end] - sums[start]) % 10 == 0:
                return True
    return False


@lru_cache(maxsize=10_000)
def _lengths(beginning: str) -> tuple[int, ...]:
    """Return how many digits a card has whose number begins so; nothing for no card."""
    for size in range(len(beginning), 0, -1):
        if beginning[:size] in _ISSUERS:
            return tuple(_ISSUERS[beginning[:size]])
    return ()
