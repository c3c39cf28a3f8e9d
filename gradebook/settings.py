"""Read what staff decide about a class: class.toml beside this file, and over it that of the folder of submissions."""

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from unicodedata import normalize

DEFAULTS = Path(__file__).with_name("class.toml")
COUNTS = ("last", "best")


class SettingsError(ValueError):
    """class.toml says what cannot be; the message says where, in one sentence."""


@dataclass(frozen=True)
class Settings:
    title: str
    seed: int
    dropped: tuple[str, ...]  # tests that count for nobody, see weights.py
    roster: Path | None
    earlier: tuple[Path, ...]
    due: datetime | None
    grace: timedelta
    percent_per_day: float
    extensions: dict[str, datetime]
    handed_in: dict[str, datetime]
    counts: str


def read(folder: Path) -> Settings:
    """The settings of the class whose submissions lie in `folder`. Raises SettingsError."""
    own = folder / DEFAULTS.name
    table, known = _table(DEFAULTS), _table(DEFAULTS)
    for name, value in (_table(own) if own.is_file() else {}).items():
        if name not in known:
            raise SettingsError(f"{own.name}: expected one of {', '.join(known)}, got {name}: correct the name")
        if isinstance(known[name], dict):
            if not isinstance(value, dict):
                raise SettingsError(f"{own.name}: expected a table [{name}], got {value!r}: write it with brackets")
            unknown = [key for key in value if known[name] and key not in known[name]]
            if unknown:
                raise SettingsError(
                    f"{own.name}: expected in [{name}] one of {', '.join(known[name])}, got {unknown[0]}: "
                    "correct the name"
                )
            table[name] = known[name] | value
        else:
            table[name] = value
    return _check(table, folder)


def _table(path: Path) -> dict:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{path.name}: expected TOML, got {problem}: compare it with {DEFAULTS}") from None


def _check(table: dict, folder: Path) -> Settings:
    late, several = table["deadline"], table["several"]
    for where, kind, value in (
        ("title", str, table["title"]),
        ("seed", int, table["seed"]),
        ("roster", str, table["roster"]),
        ("earlier", list, table["earlier"]),
        ("dropped", list, table["dropped"]),
        ("grace_hours", int | float, late["grace_hours"]),
        ("percent_per_day", int | float, late["percent_per_day"]),
    ):
        if not isinstance(value, kind) or isinstance(value, bool):
            name = getattr(kind, "__name__", "number")
            raise SettingsError(f"class.toml: expected a {name} as {where}, got {value!r}: write it as in {DEFAULTS}")
    if several["counts"] not in COUNTS:
        raise SettingsError(f'class.toml: expected counts = "last" or "best", got {several["counts"]!r}: choose one')
    roster = folder / table["roster"] if table["roster"] else None
    for path in [*([roster] if roster else []), *(folder / name for name in table["earlier"])]:
        if not path.exists():
            raise SettingsError(f"class.toml: expected {path}, found nothing there: paths begin at class.toml")
    return Settings(
        title=table["title"],
        seed=table["seed"],
        dropped=tuple(map(str, table["dropped"])),
        roster=roster,
        earlier=tuple(folder / name for name in table["earlier"]),
        due=_time("due", late["due"]) if late["due"] != "" else None,
        grace=timedelta(hours=late["grace_hours"]),
        percent_per_day=late["percent_per_day"],
        extensions={who: _time(who, when) for who, when in table["extensions"].items()},
        handed_in={normalize("NFC", name): _time(name, when) for name, when in table["handed_in"].items()},
        counts=several["counts"],
    )


def _time(where: str, value: object) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise SettingsError(
            f"class.toml: expected a time with its distance from UTC for {where}, got {value!s}: "
            "write 2026-11-20T23:59:00-05:00, without quotes"
        )
    return value
