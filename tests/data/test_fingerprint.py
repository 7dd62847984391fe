import subprocess
import sys
from pathlib import Path

import pytest

from barlowcli.data import fingerprint as fingerprints
from barlowcli.data.fingerprint import fingerprint, fingerprint_of
from barlowcli.errors import ConfigError, DataError
from barlowcli.settings.data import DataSettings


def of(name: str) -> str:
    return fingerprint(DataSettings(name=name))


def make_tree(root: Path) -> Path:
    for name in ("train/a/0.png", "train/a/1.png", "train/b/2.png", "test/a/3.png", "test/b/4.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def test_named_sets_have_none() -> None:
    assert of("colour-digits") == ""
    assert of("cifar10") == ""


def test_a_folder_is_known_by_names_and_contents_wherever_it_lies(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "one")
    before = of(f"folder:{root}")
    assert len(before) == 16
    assert of(f"folder:{make_tree(tmp_path / 'two')}") == before
    (root / "train/a/notes.txt").write_text("no image")
    assert of(f"folder:{root}") == before
    (root / "train/a/1.png").write_bytes(b"train/a/9.png")  # as long as it was
    edited = of(f"folder:{root}")
    (root / "train/a/1.png").rename(root / "train/b/1.png")
    moved = of(f"folder:{root}")
    (root / "test/a/3.png").unlink()
    (root / "test/a/5.png").write_bytes(b"test/a/3.png")
    assert len({before, edited, moved, of(f"folder:{root}")}) == 4


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    gone = make_tree(tmp_path) / "train/a/9.png"
    gone.symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(DataError) as caught:
        of(f"folder:{tmp_path}")
    assert caught.value.message == (
        f"cannot read {gone}: it is a link to {tmp_path / 'elsewhere.png'}, which is not there"
    )
    assert caught.value.hint == "it must be there, and readable; --on-bad-image skip leaves such images out"


def test_files_are_read_once_whether_bad_images_are_skipped_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    digest = fingerprints._content_digest

    def counted(file: Path) -> str:
        read.append(file)
        return digest(file)

    monkeypatch.setattr(fingerprints, "_content_digest", counted)
    name = f"folder:{make_tree(tmp_path)}"
    assert fingerprint_of(name, "skip") == fingerprint_of(name) == of(name)
    assert len(read) == 2 * 5  # once for all that ask by name, and once by `of`, which looks again
    (tmp_path / "train/b/9.png").symlink_to("gone.png")
    fingerprints.read_once.cache_clear()
    skipped = fingerprint_of(name, "skip")
    with pytest.raises(DataError, match=r"9\.png"):
        fingerprint_of(name)
    assert fingerprint_of(name, "skip") == skipped


def test_parquet_is_known_by_contents_and_roles(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.parquet").write_bytes(b"train")
        (tmp_path / folder / "test.parquet").write_bytes(b"test!")
    before = of(f"parquet:{tmp_path / 'one'}")
    assert of(f"parquet:{tmp_path / 'two'}") == before
    (tmp_path / "one" / "test.parquet").write_bytes(b"Test!")
    changed = of(f"parquet:{tmp_path / 'one'}")
    (tmp_path / "one" / "classes.txt").write_text("a\nb\n")
    named = of(f"parquet:{tmp_path / 'one'}")
    alone = of(f"parquet:{tmp_path / 'one' / 'train.parquet'}")
    assert len({before, changed, named, alone}) == 4


def test_paths_are_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        of("folder:")
    assert caught.value.message == "data set `folder` needs a path"
    assert caught.value.hint == "write folder:PATH"
    with pytest.raises(DataError) as caught:
        of("parquet")
    assert caught.value.message == "data set `parquet` needs a path"
    with pytest.raises(DataError) as caught:
        of(f"parquet:{tmp_path / 'none'}")
    assert caught.value.message == f"{tmp_path / 'none'}: no such file or folder"
    with pytest.raises(DataError) as caught:
        of("cifar10:somewhere")
    assert caught.value.message == "data set `cifar10` takes no path, got `cifar10:somewhere`"
    assert "--data-root" in caught.value.hint
    with pytest.raises(ConfigError) as unknown:
        of("cifar1O")
    assert unknown.value.hint == "did you mean `cifar10`?"


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(make_tree(tmp_path)))
    assert of("folder:~") == of(f"folder:{tmp_path}")


def test_torch_is_not_imported() -> None:
    code = "import sys, barlowcli.data.fingerprint; sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
