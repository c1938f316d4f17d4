"""What people and companies are found by: words of a name, digits of a phone, a postcode, the domain of an e-mail.

Pure text. The directory's index is kept by these keys (`store.directory`), and candidates are compared by the same ones
(`sync.candidates`), so that what would score is what is found. How alike two texts are is in `likeness`.
"""

import re
import unicodedata
from typing import Final


def _each(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Domains that anybody may have an address at: they say nothing about who somebody is.
FREE_MAIL: Final = _each(
    "aol.com fastmail.com free.fr gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.com "
    "hotmail.co.uk hotmail.de hotmail.fr hotmail.it icloud.com laposte.net libero.it live.com live.co.uk mac.com "
    "mail.com mail.ru me.com msn.com naver.com orange.fr outlook.com outlook.de proton.me protonmail.com qq.com "
    "rocketmail.com t-online.de tutanota.com wanadoo.fr web.de yahoo.com yahoo.co.jp yahoo.co.uk yahoo.de yahoo.fr "
    "yandex.ru ymail.com zoho.com 163.com 126.com"
)
#: Legal forms and small words: two names that share only these have nothing in common.
_EMPTY_WORDS: Final = _each(
    "ab ag and as aps bv co company corp corporation der die gmbh group inc kg limited llc llp ltd mr mrs ms nv of "
    "oy plc pty sa sarl sas spa srl the und van von"
)
_WORD: Final = re.compile(r"[^\W_]+")
_SHORTEST_WORD: Final = 2
#: So many digits tell a subscriber from his neighbours, whatever stands before them: country code, zero, brackets.
_PHONE_DIGITS: Final = 7


def folded(text: str) -> str:
    """`text` without case, accents and surplus blanks."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name that tell something, each once, in their order."""
    found = (word for word in _WORD.findall(folded(name)) if len(word) >= _SHORTEST_WORD and word not in _EMPTY_WORDS)
    return tuple(dict.fromkeys(found))


def phone_key(phone: str) -> str:
    """The last seven digits, "" where there are fewer."""
    digits = "".join(c for c in unicodedata.normalize("NFKC", phone) if c in "0123456789")
    return digits[-_PHONE_DIGITS:] if len(digits) >= _PHONE_DIGITS else ""


def postcode_key(postcode: str) -> str:
    """Letters and digits alone: `SW1A 1AA` is `sw1a1aa`."""
    return "".join(_WORD.findall(folded(postcode)))


def domain_of(email: str) -> str:
    """What stands behind the @, folded; "" where there is none."""
    return folded(email).rpartition("@")[2] if "@" in email else ""


def own_domain(email: str) -> str:
    """The domain of an address that is its owner's own: "" for free mail."""
    domain = domain_of(email)
    return "" if domain in FREE_MAIL else domain
