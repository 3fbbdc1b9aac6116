"""Personal attributes are never on disk in the clear, and are gone when their key is."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from data.errors import KeyMissing, StoreDamaged
from data.vault import Vault


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault", tmp_path / "keys" / "store.json")


def test_attributes_come_back_as_they_went_in(vault: Vault) -> None:
    assert vault.put({"anna": {"age": "34", "country": "Perú"}, "ben": {"age": "51"}}) == 2
    assert vault.read_all() == {"anna": {"age": "34", "country": "Perú"}, "ben": {"age": "51"}}
    assert vault.frame().rows() == [("anna", "age", "34"), ("anna", "country", "Perú"), ("ben", "age", "51")]


def test_nothing_is_written_in_the_clear(vault: Vault) -> None:
    vault.put({"anna": {"ethnicity": "a very telling word"}})
    for path in vault.folder.rglob("*"):
        assert b"telling" not in path.read_bytes()
        assert b"ethnicity" not in path.read_bytes()


def test_keys_are_the_owner_s_alone(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}})
    assert stat.S_IMODE(vault.keys_file.stat().st_mode) == 0o600


def test_the_same_again_is_not_written_twice_and_news_is_merged(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}})
    assert vault.put({"anna": {"age": "34"}}) == 0
    assert vault.put({"anna": {"site": "north"}}) == 1
    assert vault.read_all() == {"anna": {"age": "34", "site": "north"}}


def test_a_destroyed_key_takes_the_attributes_with_it(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}, "ben": {"age": "51"}})
    assert vault.destroy_key("anna") is True
    assert vault.destroy_key("anna") is False
    assert vault.read_all() == {"ben": {"age": "51"}}


def test_without_keys_the_message_says_what_to_do(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}})
    vault.keys_file.unlink()
    with pytest.raises(KeyMissing, match="TOUCHSTONE_KEYS"):
        vault.read_all()


def test_a_changed_entry_is_refused(vault: Vault) -> None:
    vault.put({"anna": {"age": "34"}, "ben": {"age": "51"}})
    path = vault.folder / "attributes.jsonl"
    lines = path.read_text().splitlines()
    lines[0] = lines[0].replace('"anna"', '"ben"')
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(StoreDamaged, match="'ben'"):
        vault.read_all()
