"""Inputs that cannot be kept in a repository: links, pipes, devices, huge files, bytes that are no text."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

GOOD = "format: 1\ntitle: A case\nextends: baseline_2024\n"
MB = 1024 * 1024


def _file(content: bytes | str, name: str = "case.yaml") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def _missing(folder: Path) -> Path:
    return folder / "case.yaml"


def _misspelt_name(folder: Path) -> Path:
    return folder / "baseline_2042.yaml"


def _folder(folder: Path) -> Path:
    (folder / "case.yaml").mkdir()
    return folder / "case.yaml"


def _link(folder: Path) -> Path:
    (folder / "real.yaml").write_text(GOOD, encoding="utf-8")
    (folder / "case.yaml").symlink_to(folder / "real.yaml")
    return folder / "case.yaml"


def _dangling(folder: Path) -> Path:
    (folder / "case.yaml").symlink_to(folder / "nothing.yaml")
    return folder / "case.yaml"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "case.yaml")
    return folder / "case.yaml"


def _device(_: Path) -> Path:
    return Path(os.devnull)


def _socket(folder: Path) -> Path:
    """Bind from inside the folder: the path of a socket is at most about 100 bytes long."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("case.yaml")
    finally:
        os.chdir(before)
    return folder / "case.yaml"


def _sparse(folder: Path) -> Path:
    with (folder / "case.yaml").open("wb") as stream:
        stream.truncate(1024 * MB)
    return folder / "case.yaml"


def _long_name(folder: Path) -> Path:
    return folder / f"{'x' * 300}.yaml"


def _child(folder: Path) -> Path:
    (folder / "case.yaml").write_text("format: 1\ntitle: Child\nextends: parent\n", encoding="utf-8")
    return folder / "case.yaml"


def _parent_link(folder: Path) -> Path:
    (folder / "outside").mkdir()
    (folder / "outside" / "real.yaml").write_text(GOOD, encoding="utf-8")
    (folder / "parent.yaml").symlink_to(folder / "outside" / "real.yaml")
    return _child(folder)


def _parent_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "parent.yaml")
    return _child(folder)


def _parent_folder(folder: Path) -> Path:
    (folder / "parent.yaml").mkdir()
    return _child(folder)


def _parent_huge(folder: Path) -> Path:
    (folder / "parent.yaml").write_bytes(b"#" * (MB // 2))
    return _child(folder)


def _long_circle(folder: Path) -> Path:
    for number in range(12):
        (folder / f"p{number}.yaml").write_text(f"format: 1\nextends: p{number + 1}\n", encoding="utf-8")
    (folder / "p12.yaml").write_text(GOOD, encoding="utf-8")
    return folder / "p0.yaml"


def _broken_region(folder: Path) -> Path:
    (folder / "mine").mkdir()
    (folder / "mine" / "region.toml").write_text("format = 1\nkey = mine\n", encoding="utf-8")
    path = folder / "case.yaml"
    path.write_text("format: 1\nregion: mine\nstart: 2024-01\nmonths: 12\n", encoding="utf-8")
    return path


def _many_problems(folder: Path) -> Path:
    body = "".join(f"  a{number}: {{type: I2, intensity: 2}}\n" for number in range(450))
    return _file(f"{GOOD}interventions:\n{body}")(folder)


def _many_names(folder: Path) -> Path:
    names = ", ".join(f"district{number}" for number in range(2000))
    return _file(f"{GOOD}interventions:\n  a: {{type: I2, targets: {{districts: [{names}]}}}}\n")(folder)


MAKERS: dict[str, Callable[[Path], Path]] = {
    "missing": _missing,
    "misspelt_name": _misspelt_name,
    "folder": _folder,
    "symbolic_link": _link,
    "dangling_link": _dangling,
    "pipe": _pipe,
    "null_device": _device,
    "socket": _socket,
    "empty": _file(b""),
    "blank": _file(b" \n\n  \n"),
    "huge": _file(b"# " + b"x" * MB),
    "sparse": _sparse,
    "latin_1": _file("format: 1\ntitle: Mitrovicë\n".encode("latin-1")),
    "utf_16": _file(GOOD.encode("utf-16")),
    "utf_16_big": _file(b"\xfe\xff" + GOOD.encode("utf-16-be")),
    "bad_utf8_after_bom": _file(b"\xef\xbb\xbfformat\xff: 1\n"),
    "surrogate_bytes": _file(b"format: 1\ntitle: \xed\xa0\x80\n"),
    "nul_byte": _file(b"format: 1\ntitle: a\x00b\n"),
    "control_character": _file(b"format: 1\ntitle: a\x07b\n"),
    "delete_character": _file(b"format: 1\ntitle: a\x7fb\n"),
    "bom_in_the_middle": _file("format: 1\ntitle: a\ufeffb\nextends: baseline_2024\n"),
    "word_file": _file(b"PK\x03\x04\x14\x00\x06\x00" + bytes(100)),
    "pdf_file": _file(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
    "picture": _file(b"\x89PNG\r\n\x1a\n" + bytes(40)),
    "gzip_file": _file(b"\x1f\x8b\x08\x00" + bytes(20)),
    "parquet_file": _file(b"PAR1\x15\x04" + bytes(20)),
    "deep_list": _file("a: " + "[" * 50_000),
    "deep_mapping": _file("{a: " * 20_000),
    "deep_dashes": _file("- " * 50_000),
    "deep_indents": _file("".join(" " * depth + "a:\n" for depth in range(300))),
    "many_values": _file("[" + "1," * 20_000 + "1]"),
    "many_problems": _many_problems,
    "many_names": _many_names,
    "many_aliases": _file("a: &a [" + "1," * 300 + "1]\nb: [" + "*a," * 60 + "*a]\nc: [" + "*a," * 20 + "*a]"),
    "long_name": _long_name,
    "parent_is_a_link": _parent_link,
    "parent_is_a_pipe": _parent_pipe,
    "parent_is_a_folder": _parent_folder,
    "parent_is_huge": _parent_huge,
    "too_many_parents": _long_circle,
    "broken_region": _broken_region,
    "byte_order_mark": _file(b"\xef\xbb\xbf" + GOOD.encode()),
    "windows_lines": _file(GOOD.replace("\n", "\r\n")),
    "old_mac_lines": _file(GOOD.replace("\n", "\r")),
    "no_last_line_end": _file(GOOD.rstrip("\n")),
    "spaces_at_line_ends": _file(GOOD.replace("\n", "   \n")),
    "unicode_name": _file(GOOD, "Митровица – Mitrovicë 🕊.yaml"),
    "name_with_spaces": _file(GOOD, "a case; $HOME `id`.yaml"),
    "many_comments": _file(GOOD + "# comment\n" * 20_000),
}
