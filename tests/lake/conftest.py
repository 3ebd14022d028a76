"""What all tests of the lake share."""

import os

import pytest


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch):
    """These tests pull no plug; those that kill do it in processes of their own, which do wait."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
