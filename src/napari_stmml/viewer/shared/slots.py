"""The door of all slots: what a signal, an event or a key calls lets no exception out, but says it."""

import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from qtpy.QtCore import QObject

from napari_stmml.viewer.shared.plain_text import notify

F = TypeVar("F", bound=Callable[..., Any])
Say = Callable[..., None]  # takes a sentence, and ``wrong=True``
MOST = 160  # letters of an error that are shown
_LOG = logging.getLogger("napari_stmml")


def slot(method: F) -> F:
    """Let no exception out of a method that a signal or an event calls.

    Parameters
    ----------
    method : function
        Its object, or a widget that holds that, may have a method ``say(sentence, wrong=True)``; otherwise
        napari says what is wrong.

    Returns
    -------
    function
        Takes more arguments than the method, which are left out: Qt sends as many as its slot takes.
    """
    most = _most_arguments(method)

    @wraps(method)
    def guarded_method(self: Any, *values: Any) -> Any:
        try:
            return method(self, *values[: None if most is None else most - 1])
        except Exception as error:  # noqa: BLE001 - the door: nobody is behind a slot who could take it
            tell(error, _say_of(self))

    guarded_method.is_slot = True  # type: ignore[attr-defined]
    return cast(F, guarded_method)


def guarded(do: Callable[..., Any], say: Say | None = None) -> Callable[..., Any]:
    """Let no exception out of a function that a signal or an event calls.

    Parameters
    ----------
    do : callable
    say : callable, optional
        Gets the sentence that says what is wrong; otherwise as of `slot`, if this is a method.

    Returns
    -------
    callable
        Takes more arguments than the function, as that of `slot`. A method that is a `slot` is returned as it
        is: Qt holds it weakly. Any other function can be emptied by Python's collector, together with the
        widget it belongs to, while a timer of Qt can still call it, which is the end of the process.
    """
    if inspect.ismethod(do) and getattr(do, "is_slot", False):
        return do
    most = _most_arguments(do)

    def guarded_function(*values: Any) -> Any:
        try:
            return do(*values[:most])
        except Exception as error:  # noqa: BLE001 - as above
            tell(error, say or _say_of(getattr(do, "__self__", None)))

    guarded_function.__signature__ = inspect.signature(do)  # type: ignore[attr-defined] # psygnal asks for it
    return guarded_function


def tell(error: Exception, say: Say | None = None) -> None:
    """Say what is wrong in a sentence, and put what was not foreseen in the log.

    Parameters
    ----------
    error : Exception
        A ValueError or an OSError is a sentence of ours; anything else is a fault of the program.
    say : callable, optional
        As of `guarded`; otherwise napari says it.
    """
    first = _first_of(error)
    sentence = str(first)
    if not isinstance(first, ValueError | OSError) or not sentence:
        _LOG.error("something in the viewer was not foreseen", exc_info=error)
        what = " ".join(f"{type(first).__name__}: {first}".split())[:MOST]
        sentence = f"That could not be done, by a fault of the program, which is in its log ({what})"
    if say is not None:
        say(sentence, wrong=True)
    else:
        notify(sentence)


def _first_of(error: BaseException) -> BaseException:
    """Return what was raised first, where psygnal raises an error of its own from it."""
    from psygnal import EmitLoopError

    while isinstance(error, EmitLoopError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _say_of(owner: Any) -> Say | None:
    """Return how an object, or the nearest widget that holds it, says a sentence; None if none can."""
    while owner is not None and not hasattr(owner, "say"):
        owner = owner.parent() if isinstance(owner, QObject) else None
    return None if owner is None else cast(Say, owner.say)


def _most_arguments(do: Callable[..., Any]) -> int | None:
    """Return how many arguments a function takes; None for any number."""
    kinds = [one.kind for one in inspect.signature(do).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in positional for kind in kinds)
