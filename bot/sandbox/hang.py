"""A cluster that hangs: it accepts calls and answers none."""

import threading

from bot.sandbox.fault_proxy import CutConnection, Phase, ProxyRequest, Verdict


class Hang:
    """A `ProxyHook` that holds every call back while `on` is true. Held calls are never answered, even later."""

    def __init__(self) -> None:
        self.on = False
        self._over = threading.Event()

    def __call__(self, _request: ProxyRequest, phase: Phase) -> Verdict:
        """Holds the call until `release`, then cuts its connection."""
        if phase == "after" or not self.on:
            return None
        self._over.wait()
        return CutConnection()

    def release(self) -> None:
        """Cuts the connections of the held calls, so that the proxy can close."""
        self.on = False
        self._over.set()
