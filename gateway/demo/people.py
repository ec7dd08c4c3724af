"""Who is who in the demo."""

from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who can sign in, with what there is to know of them."""

    first_name: str
    last_name: str
    what: str

    @property
    def account(self) -> str:
        """The Microsoft account."""
        return f"{self.first_name.lower()}@live.example"

    @property
    def name(self) -> str:
        """The full name."""
        return f"{self.first_name} {self.last_name}"


ALICE = Person("Alice", "Archer", "administers Commerce Services and Payment Services")
CAROL = Person("Carol", "Chen", "administers Sites Services and RapidStart Services")
BOB = Person("Bob", "Baker", "processes orders, and administers nothing")
DANA = Person("Dana", "Diaz", "consults, and has a profile at Fabrikam too")
IVAN = Person("Ivan", "Ibarra", "is invited, and his mail is in the mail catcher")
FRANK = Person("Frank", "Fisher", "administers Commerce (off with R3) and Sites Services")
NORA = Person("Nora", "Nilsson", "signed up an hour ago, and is still alone")
ZOE = Person("Zoe", "Zimmer", "belongs to no organization yet, and can sign one up")

GROUPS: dict[str, tuple[Person, ...]] = {
    "Contoso (United States, AX 2012 R2)": (ALICE, CAROL, BOB, DANA, IVAN),
    "Fabrikam (United States, AX 2012 R3)": (FRANK, DANA),
    "Northwind Traders (United States, AX 2012)": (NORA,),
    "No organization": (ZOE,),
}
"""The people of the guide and of the provider's page, by organization."""


def names(file: str) -> list[str]:
    """The words of `first-names.txt` or `last-names.txt`."""
    return (resources.files("gateway.demo") / file).read_text("utf-8").split()
