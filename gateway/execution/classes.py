"""What a value's class tells of it, so that most values need no closer look.

Only exact classes count, as `type()` gives them, never what an object claims to be.
"""

from inspect import getattr_static
from types import FunctionType, GeneratorType, NoneType

from graphql.pyutils.undefined import UndefinedType

SETTLED: frozenset[type] = frozenset({str, int, float, bool, NoneType, dict, list})
"""Classes of response data: nobody awaits those."""

MOST = 1000
"""Classes remembered: enough for any program but one that makes classes as it goes."""

ordinary: set[type] = {class_ for class_ in SETTLED if class_ is not NoneType}
"""Classes found to be ordinary; the hot paths look here before they call `is_ordinary`."""


def is_ordinary(class_: type) -> bool:
    """Tell whether no instance is null, an exception or an awaitable, and remember those.

    Classes that make up attributes as they go (mocks, proxies) are not ordinary.
    """
    if class_ in ordinary:
        return True
    if (
        issubclass(class_, (NoneType, UndefinedType, BaseException, GeneratorType))
        or hasattr(class_, "__await__")
        or hasattr(class_, "__getattr__")
        or isinstance(getattr_static(class_, "__getattribute__"), FunctionType)
        or getattr_static(class_, "__class__") is not object.__dict__["__class__"]
    ):
        return False
    if len(ordinary) < MOST:
        ordinary.add(class_)
    return True
