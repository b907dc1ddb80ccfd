"""Waiting for what happens asynchronously, with a deadline instead of a sleep of hopeful length."""

import time


def eventually(condition, seconds=10.0, what=None):
    """Calls condition() until it returns something true; returns that. Fails after `seconds`.

    A condition that raises AssertionError counts as not yet true, and its text as the reason.
    """
    deadline = time.monotonic() + seconds
    pause, reason = 0.005, None
    while True:
        try:
            value = condition()
            if value:
                return value
            reason = f"last value: {value!r}"
        except AssertionError as error:
            reason = str(error)
        if time.monotonic() >= deadline:
            name = what or getattr(condition, "__name__", "condition")
            raise AssertionError(f"not within {seconds} s: {name}; {reason}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
