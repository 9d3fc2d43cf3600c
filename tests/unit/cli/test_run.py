"""While the application starts nothing is looked through for garbage, and afterwards it is."""

import gc

import pytest

from bot.cli.run import fast_start


def test_garbage_is_collected_again_after_a_start() -> None:
    before = gc.get_freeze_count()
    try:
        with fast_start():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


def test_garbage_is_collected_again_after_a_start_that_failed() -> None:
    try:
        with pytest.raises(SystemExit), fast_start():
            raise SystemExit(1)
        assert gc.isenabled()
    finally:
        gc.unfreeze()
