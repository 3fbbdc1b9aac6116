"""Personal attributes of annotators, encrypted for each person.

The vault stands in the store's folder and holds cipher text only. The keys, one a person, stand outside it; destroying
a key makes that person's attributes unreadable in every copy and backup of the store.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from data.errors import KeyMissing, StoreDamaged
from data.journal import canonical_json, sync_folder

NONCE_BYTES = 12


class Vault:
    """Encrypted attributes in `folder`, keys in `keys_file` (JSON: annotator_id -> base64 key, mode 0600)."""

    def __init__(self, folder: Path, keys_file: Path) -> None:
        self.folder = folder
        self.keys_file = keys_file

    def put(self, attributes: Mapping[str, Mapping[str, object]]) -> int:
        """Encrypt and append the attributes of each person; what is already known and equal is left out.

        Returns how many people got a new entry. Durable when it returns.
        """
        known = self.read_all() if self._vault_file.exists() else {}
        fresh = {
            person: {**known.get(person, {}), **values}
            for person, values in attributes.items()
            if values and {**known.get(person, {}), **values} != known.get(person)
        }
        if not fresh:
            return 0
        keys = self._keys()
        missing = [person for person in fresh if person not in keys]
        keys |= {person: AESGCM.generate_key(bit_length=256) for person in missing}
        if missing:
            self._write_keys(keys)
        lines = [self._seal(person, values, keys[person]) for person, values in fresh.items()]
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._vault_file.open("ab") as handle:
            handle.write("".join(lines).encode())
            handle.flush()
            os.fsync(handle.fileno())
        sync_folder(self.folder)
        return len(fresh)

    def read_all(self) -> dict[str, dict[str, object]]:
        """Attributes by person; a person whose key was destroyed is left out.

        Raises KeyMissing where the vault holds entries and there is no key file at all.
        """
        if not self._vault_file.exists():
            return {}
        if not self.keys_file.exists():
            raise KeyMissing(
                f"The personal attributes of this store are encrypted and their keys are not here ({self.keys_file}). "
                "Name the folder that holds them with TOUCHSTONE_KEYS."
            )
        keys, found = self._keys(), {}
        for line in self._vault_file.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            person = entry["annotator_id"]
            if person in keys:
                found[person] = self._open(entry, keys[person])
        return found

    def frame(self) -> pl.DataFrame:
        """Columns: annotator_id, attribute, value (text); sorted; one row an attribute of a person."""
        rows = [
            (person, name, str(value))
            for person, values in self.read_all().items()
            for name, value in values.items()
            if value is not None
        ]
        schema = {"annotator_id": pl.Utf8, "attribute": pl.Utf8, "value": pl.Utf8}
        return pl.DataFrame(rows, schema=schema, orient="row").sort("annotator_id", "attribute")

    def destroy_key(self, person: str) -> bool:
        """Destroy a person's key; True where there was one."""
        keys = self._keys()
        if keys.pop(person, None) is None:
            return False
        self._write_keys(keys)
        return True

    @property
    def _vault_file(self) -> Path:
        return self.folder / "attributes.jsonl"

    def _seal(self, person: str, values: Mapping[str, object], key: bytes) -> str:
        nonce = os.urandom(NONCE_BYTES)
        cipher = AESGCM(key).encrypt(nonce, canonical_json(dict(values)).encode(), person.encode())
        entry = {"annotator_id": person, "nonce": _text(nonce), "cipher": _text(cipher)}
        return canonical_json(entry) + "\n"

    def _open(self, entry: Mapping[str, str], key: bytes) -> dict[str, object]:
        nonce, cipher = base64.b64decode(entry["nonce"]), base64.b64decode(entry["cipher"])
        try:
            plain = AESGCM(key).decrypt(nonce, cipher, entry["annotator_id"].encode())
        except InvalidTag as error:
            raise StoreDamaged(
                f"The vault's entry for {entry['annotator_id']!r} was changed, or its key is another store's."
            ) from error
        values: dict[str, object] = json.loads(plain)
        return values

    def _keys(self) -> dict[str, bytes]:
        if not self.keys_file.exists():
            return {}
        texts: dict[str, str] = json.loads(self.keys_file.read_text(encoding="utf-8"))
        return {person: base64.b64decode(text) for person, text in texts.items()}

    def _write_keys(self, keys: Mapping[str, bytes]) -> None:
        self.keys_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self.keys_file.parent, suffix=".writing")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({person: _text(key) for person, key in sorted(keys.items())}, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(self.keys_file)
        sync_folder(self.keys_file.parent)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
