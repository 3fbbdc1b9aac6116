"""Personal attributes of annotators, notes about them and marks that other uses of attributes leave, encrypted for each person.

The vault stands in the store's folder and holds cipher text only. The keys, one a person, stand outside it; destroying
a key makes that person's attributes, and the notes about them, unreadable in every copy and backup of the store. An
entry names the key that it was sealed with by a digest, so that one whose key was destroyed is known from one that was
changed, also where the person has got a new key since. What is sealed is padded first, or the length of a cipher text would tell
short values ("male") from long ones ("female").
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from data.errors import KeyMissing, StoreDamaged
from data.journal import canonical_json, sync_folder

NONCE_BYTES = 12
PADDED_TO = 256
"""Bytes: a sealed text is as long as the next multiple."""


class Vault:
    """Encrypted attributes in `folder`, keys in `keys_file` (JSON: annotator_id -> base64 key, mode 0600)."""

    def __init__(self, folder: Path, keys_file: Path) -> None:
        self.folder = folder
        self.keys_file = keys_file
        self._places: dict[Path, _Places] = {}
        self.writing = threading.RLock()
        """Held while something is written: two writers at once could lose one another's new key. Who reads first holds it too."""

    def put(self, attributes: Mapping[str, Mapping[str, object]]) -> int:
        """Encrypt and append the attributes of each person; what is already known and equal is left out.

        Returns how many people got a new entry. Durable when it returns.
        """
        with self.writing:
            known = self.read_all() if self._vault_file.exists() else {}
            fresh = {
                person: {**known.get(person, {}), **values}
                for person, values in attributes.items()
                if values and {**known.get(person, {}), **values} != known.get(person)
            }
            if fresh:
                self._append(self._vault_file, [(person, "", values) for person, values in fresh.items()])
            return len(fresh)

    def add_note(self, person: str, note_id: str, note: Mapping[str, object]) -> Mapping[str, object]:
        """Encrypt and append a note about a person; durable when it returns.

        A note id stands for one note: where it is known already nothing is written. Returns the note that the id stands for.
        """
        with self.writing:
            known = self.notes(person).get(note_id)
            if known is None:
                self._append(self._notes_file, [(person, note_id, note)])
            return note if known is None else known

    def notes(self, person: str) -> dict[str, dict[str, object]]:
        """The notes about a person by their ids; those whose key was destroyed are left out.

        Raises KeyMissing where there are notes and no key file at all.
        """
        if not self._notes_file.exists():
            return {}
        self._require_keys()
        keys, found = self._keys(), {}
        for line in self._notes_file.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            key = _key_of(entry, keys)
            if key is not None and entry["annotator_id"] == person:
                found[str(entry["note_id"])] = self._open(entry, key)
        return found

    def mark(self, name: str, marks: Mapping[str, Mapping[str, object]]) -> None:
        """Encrypt and append what is kept of each person under `name` (of letters, digits, "-"); durable when it returns.

        A person's newer mark stands in place of the older. The name is in the clear, so it must say nothing.

        Raises KeyMissing where there are entries and no key file at all.
        """
        with self.writing:
            self._append(
                self._marks_file(name), [(person, name, mark) for person, mark in sorted(marks.items())]
            )

    def has_marks(self, name: str) -> bool:
        """Whether anything was ever kept under `name`."""
        return self._marks_file(name).exists()

    def marks(self, name: str, person: str | None = None) -> dict[str, dict[str, object]]:
        """What is kept under `name`, by person (of `person` alone, where one is named); whose key was destroyed is left out.

        Raises KeyMissing where there are marks and no key file at all.
        """
        file = self._marks_file(name)
        if not file.exists():
            return {}
        self._require_keys()
        keys, newest = self._keys(), {}
        named = "" if person is None else canonical_json({"annotator_id": person})[1:-1]
        for line in file.read_text(encoding="utf-8").splitlines():
            if named in line:  # so that a file about many is not parsed for one
                entry = json.loads(line)
                newest[str(entry["annotator_id"])] = entry
        opened = {one: (entry, _key_of(entry, keys)) for one, entry in newest.items()}
        return {one: self._open(entry, key) for one, (entry, key) in opened.items() if key is not None}

    def mark_of(self, name: str, person: str) -> dict[str, object]:
        """What is kept of one person under `name`; {} where nothing is, or their key was destroyed.

        Reads that person's newest line alone: where each person's stands is kept in memory, and no more is. The file only grows.

        Raises KeyMissing where there are marks and no key file at all.
        """
        file = self._marks_file(name)
        if not file.exists():
            return {}
        self._require_keys()
        place = self._placed(file).get(person)
        if place is None:
            return {}
        with file.open("rb") as handle:
            handle.seek(place)
            entry = json.loads(handle.readline())
        key = _key_of(entry, self._keys())
        return {} if key is None or entry["annotator_id"] != person else self._open(entry, key)

    def _placed(self, file: Path) -> dict[str, int]:
        """Where each person's newest line begins, of the file as it is."""
        now = file.stat()
        known = self._places.get(file)
        if known is not None and known.of == (now.st_ino, now.st_size, now.st_mtime_ns):
            return known.newest
        newest, place = {}, 0
        with file.open("rb") as handle:
            for line in handle:
                newest[str(json.loads(line)["annotator_id"])] = place
                place += len(line)
        self._places[file] = _Places((now.st_ino, now.st_size, now.st_mtime_ns), newest)
        return newest

    def read_all(self) -> dict[str, dict[str, object]]:
        """Attributes by person; a person whose key was destroyed is left out.

        Raises KeyMissing where the vault holds entries and there is no key file at all.
        """
        if not self._vault_file.exists():
            return {}
        self._require_keys()
        keys, found = self._keys(), {}
        for line in self._vault_file.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            key = _key_of(entry, keys)
            if key is not None:
                found[entry["annotator_id"]] = self._open(entry, key)
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
        with self.writing:
            keys = self._keys()
            if keys.pop(person, None) is None:
                return False
            self._write_keys(keys)
            return True

    @property
    def _vault_file(self) -> Path:
        return self.folder / "attributes.jsonl"

    @property
    def _notes_file(self) -> Path:
        return self.folder / "notes.jsonl"

    def _marks_file(self, name: str) -> Path:
        return self.folder / f"marks-{name}.jsonl"

    def _append(self, file: Path, entries: Sequence[tuple[str, str, Mapping[str, object]]]) -> None:
        """Seal (person, note id or "", values) and append them; whoever has no key yet gets one first."""
        keys = self._keys()
        missing = {person for person, _, _ in entries} - keys.keys()
        if missing:
            if not self.keys_file.exists() and any(self.folder.glob("*.jsonl")):
                self._require_keys()  # a key file begun anew would pass for the one that is elsewhere
            keys |= {person: AESGCM.generate_key(bit_length=256) for person in sorted(missing)}
            self._write_keys(keys)
        lines = [self._seal(person, note_id, values, keys[person]) for person, note_id, values in entries]
        self.folder.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as handle:
            handle.write("".join(lines).encode())
            handle.flush()
            os.fsync(handle.fileno())
        sync_folder(self.folder)

    def _seal(self, person: str, note_id: str, values: Mapping[str, object], key: bytes) -> str:
        entry = {"annotator_id": person, "key": _digest(key)} | ({"note_id": note_id} if note_id else {})
        nonce = os.urandom(NONCE_BYTES)
        text = canonical_json(dict(values)).encode()
        padded = text.ljust(-(-len(text) // PADDED_TO) * PADDED_TO)  # JSON may end in blanks
        cipher = AESGCM(key).encrypt(nonce, padded, _bound(entry))
        return canonical_json(entry | {"nonce": _text(nonce), "cipher": _text(cipher)}) + "\n"

    def _open(self, entry: Mapping[str, str], key: bytes) -> dict[str, object]:
        nonce, cipher = base64.b64decode(entry["nonce"]), base64.b64decode(entry["cipher"])
        try:
            plain = AESGCM(key).decrypt(nonce, cipher, _bound(entry))
        except InvalidTag as error:
            raise StoreDamaged(
                f"The vault's entry for {entry['annotator_id']!r} was changed, or its key is another store's."
            ) from error
        values: dict[str, object] = json.loads(plain)
        return values

    def _require_keys(self) -> None:
        if not self.keys_file.exists():
            raise KeyMissing(
                f"What this store knows of persons is encrypted and the keys are not here ({self.keys_file}). "
                "Name the folder that holds them with TOUCHSTONE_KEYS."
            )

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


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each person's newest line of a file begins; `of`: which file that was, its size and when it was written."""

    of: tuple[int, int, int]
    newest: dict[str, int]


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _digest(key: bytes) -> str:
    """What an entry calls the key that it was sealed with; says nothing about the key itself."""
    return hashlib.sha256(key).hexdigest()[:16]


def _key_of(entry: Mapping[str, str], keys: Mapping[str, bytes]) -> bytes | None:
    """The key that opens an entry; None where it was destroyed. An entry under another's key goes on to be refused."""
    key = keys.get(entry["annotator_id"])
    named = entry.get("key")  # entries of earlier versions do not say
    if key is None or named is None or named == _digest(key) or named in map(_digest, keys.values()):
        return key
    return None


def _bound(entry: Mapping[str, str]) -> bytes:
    """What the cipher is bound to, so that an entry cannot be passed off as another person's or another note's."""
    note_id = entry.get("note_id")
    return (f"{entry['annotator_id']}\n{note_id}" if note_id else entry["annotator_id"]).encode()
