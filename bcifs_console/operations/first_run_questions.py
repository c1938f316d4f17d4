"""What a first run asks for, and what is wrong with an answer by itself. What the two systems say is in `first_run`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bcifs_console.base.secret import Secret
from bcifs_console.domain.connections import DEFAULT_API_URL
from bcifs_console.operations.connection_file import faults_of


@dataclass(frozen=True, slots=True)
class Question:
    """One answer that is asked for. `key` is its place in a connection file; `choices`: each value with its meaning."""

    key: str
    label: str
    help: str
    is_secret: bool = False
    is_needed: bool = True
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    only_with: tuple[str, frozenset[str]] | None = None  #: asked only while another answer is one of these


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that stand together."""

    title: str
    questions: tuple[Question, ...]


_BOOKED: Final = frozenset({"rest", "external_file"})
STORE_GROUP: Final = Group(
    "BigCommerce",
    (
        Question(
            "bigcommerce.store_hash", "Store hash",
            "The part after /stores/ in the API path that the store shows with an API account.",
        ),
        Question(
            "bigcommerce.access_token", "Access token",
            "Of a store-level API account: Settings, Store-level API accounts, Create. Scopes: Orders and Order "
            "transactions read-only, Customers read-only, Information and settings read-only.",
            is_secret=True,
        ),
        Question("bigcommerce.client_id", "Client id", "Shown once, together with the access token."),
        Question(
            "bigcommerce.client_secret", "Client secret",
            "Shown once, together with the access token. Webhooks are signed with it, so it is first used when one "
            "arrives.",
            is_secret=True,
        ),
        Question(
            "bigcommerce.public_url", "Public address",
            "Where BigCommerce reaches this listener: https on port 443, through your proxy. http only for loopback.",
        ),
        Question(
            "bigcommerce.api_url", "API address", "Leave it as it is for the real store.", default=DEFAULT_API_URL,
        ),
    ),
)  # fmt: skip
IFS_GROUP: Final = Group(
    "IFS Cloud",
    (
        Question("ifs.base_url", "Address", "The root of your IFS Cloud, for example https://acme.ifs.cloud."),
        Question("ifs.realm", "Realm", "The IAM realm, often the name of the environment, for example acmeprod."),
        Question(
            "ifs.client_id", "Client id", "Of an IAM client with service accounts on and a service user chosen."
        ),
        Question("ifs.client_secret", "Client secret", "Of the same IAM client.", is_secret=True),
        Question("ifs.company", "Company", "The company that the orders are booked in, for example 10."),
        Question("ifs.site", "Site", "The site (Contract) that every order goes to, for example 100."),
        Question(
            "ifs.profile", "Profile", "The names your IFS release uses: a shipped profile or the path of your own.",
            default="default",
        ),
    ),
)  # fmt: skip
BOOKS_GROUP: Final = Group(
    "How orders are booked",
    (
        Question("name", "Name", "What this connection is called here, for example acme-us.", default="main"),
        Question(
            "policy.revenue_posting", "Revenue is booked by",
            "It must be one of the two: with both, revenue would be booked twice. By our vouchers means that IFS never "
            "invoices the order type: you confirm it.",
            choices=(
                ("ifs_invoice", "IFS invoices"),
                ("voucher", "our vouchers only"),
            ),
        ),
        Question(
            "mapping.revenue_account", "Revenue account",
            "The GL account of every order line that no mapping rule takes elsewhere, for example 4000.",
        ),
        Question(
            "ifs.voucher_transport", "Vouchers",
            "How payments, shipments and refunds get into the general ledger. Off: only orders are sent, for now.",
            default="off",
            choices=(("off", "off"), ("rest", "over REST"), ("external_file", "as text files")),
        ),
        Question(
            "mapping.accounts.customer_balance", "Customer balance",
            "The account every voucher passes through: credit is money held for goods, for example 2420.",
            only_with=("ifs.voucher_transport", _BOOKED),
        ),
        Question(
            "mapping.accounts.clearing", "Clearing account",
            "Where payments come in, for example 1580. Further accounts are set under Mappings.",
            is_needed=False, only_with=("ifs.voucher_transport", _BOOKED),
        ),
        Question(
            "policy.unmatched_customer", "Unknown buyers",
            "What happens to an order whose buyer IFS does not know. A person answers under Decisions.",
            default="ask",
            choices=(
                ("ask", "ask a person"),
                ("create", "create the customer"),
                ("skip", "leave the order out"),
            ),
        ),
        Question(
            "policy.start_at", "Orders from",
            "Go-live: orders placed before it are left alone. A date such as 2026-12-01; empty: from now on.",
            is_needed=False,
        ),
    ),
)  # fmt: skip
GROUPS: Final = (STORE_GROUP, IFS_GROUP, BOOKS_GROUP)
QUESTIONS: Final[Mapping[str, Question]] = {one.key: one for group in GROUPS for one in group.questions}
_NEVER_INVOICED: Final = "policy.order_type_never_invoices"


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered so far, by question. Secrets stand apart, so that they show in no text."""

    plain: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Answers":
        """From the texts as they were typed; empty ones are no answers, blanks around them are left out."""
        typed = {key: text.strip() for key, text in given.items() if text.strip()}
        secret = {key: Secret(text) for key, text in typed.items() if QUESTIONS[key].is_secret}
        return cls({key: text for key, text in typed.items() if key not in secret}, secret)

    def has(self, key: str) -> bool:
        return key in self.plain or key in self.secrets

    def is_asked(self, question: Question) -> bool:
        """Whether the question counts, given the other answers."""
        if question.only_with is None:
            return True
        other, values = question.only_with
        return self.plain.get(other, QUESTIONS[other].default) in values

    def tables(self, given: Iterable[str] | None = None) -> dict[str, Any]:
        """The tables of a connection file; with `given` only those answers, and something harmless for the rest."""
        wanted = set(QUESTIONS if given is None else given)
        tables: dict[str, Any] = {}
        for key, question in QUESTIONS.items():
            if not self.is_asked(question):
                continue
            text = self._text(key) if key in wanted else _HARMLESS.get(key, "")
            if text:
                _put(tables, key, text)
        if self.plain.get("policy.revenue_posting") == "voucher":
            _put(tables, _NEVER_INVOICED, True)
        return tables

    def _text(self, key: str) -> str:
        if key in self.secrets:
            return self.secrets[key].reveal()
        return self.plain.get(key, QUESTIONS[key].default)


_NOBODY: Final = "https://nobody.invalid"
#: Stands in for what is not answered yet while the rest is tried out; none of it is called or stored.
_HARMLESS: Final[Mapping[str, str]] = {
    **{key: "-" for key, question in QUESTIONS.items() if question.is_needed},
    "bigcommerce.public_url": _NOBODY,
    "bigcommerce.api_url": _NOBODY,
    "ifs.base_url": _NOBODY,
    "ifs.profile": "default",
    "ifs.voucher_transport": "off",
    "name": "new",
    "policy.revenue_posting": "ifs_invoice",
    "policy.unmatched_customer": "ask",
}


def _put(tables: dict[str, Any], key: str, value: object) -> None:
    *path, last = key.split(".")
    for part in path:
        tables = tables.setdefault(part, {})
    tables[last] = value


# -- what is wrong with an answer by itself ----------------------------------------------------------------------------


def faults(answers: Answers) -> dict[str, str]:
    """What is wrong with each answer by itself, by question; an answer that lacks is no fault."""
    found: dict[str, str] = {}
    for place, message in faults_of(answers.tables()).items():
        key = next((key for key in QUESTIONS if place == key or place.startswith(f"{key}.")), "")
        if answers.has(key):
            found[key] = _IN_SHORT.get(key, message)
    return found


#: Where the message of the file's own check is about how it reads such a value.
_IN_SHORT: Final[Mapping[str, str]] = {
    "policy.start_at": "is no date such as 2026-12-01",
    "name": "is a word of letters, digits, dots and dashes",
}


def missing(answers: Answers) -> tuple[str, ...]:
    """The questions that still need an answer, in order."""
    return tuple(
        key
        for key, question in QUESTIONS.items()
        if question.is_needed and not question.default and answers.is_asked(question) and not answers.has(key)
    )
