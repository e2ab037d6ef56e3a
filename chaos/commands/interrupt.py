"""SIGINT ends a run in order also where a shell has it ignored, as it does for what it starts in the background."""

from __future__ import annotations

import signal
import threading


def heed() -> None:
    """Take SIGINT as Python does by itself where it is not ignored; whoever handles it by now goes on to."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
