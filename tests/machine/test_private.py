"""No folder of this machine in what is passed on."""

import pytest

from barlowcli.machine.private import command_without_folders, message_without_folders


def test_a_command_is_kept_without_the_folders_of_this_machine():
    command = ["barlow", "--dataset", "parquet:/home/me/cifar10", "--data-root=/data/sets", "--results", "~/r/a"]
    assert command_without_folders(command) == "barlow --dataset parquet:…/cifar10 --data-root=…/sets --results …/a"
    relative = ["--dataset", "parquet:../shared/data", "0.5/1"]
    assert command_without_folders(relative) == "--dataset parquet:../shared/data 0.5/1"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("cannot read /home/me/cats/1.png: gone", "cannot read …/1.png: gone"),
        ("loss / batch is 3/4 of a/b", "loss / batch is 3/4 of a/b"),
        ("`/tmp/a/b` and /tmp/c/d", "`…/b` and …/d"),
        ("cannot read /home/me, too/1.png", "cannot read …/me, too/1.png"),
        ("/home/me,too/1.png", "…/1.png"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
    ],
)
def test_a_message_is_kept_without_the_folders_of_this_machine(text, clean):
    assert message_without_folders(text) == clean


def test_they_differ_where_commands_and_sentences_do():
    assert command_without_folders(["--set", "a=/x/y,/z/w"]) == "--set a=…/y,…/w"
    assert message_without_folders("/x/y,/z/w") == "…/w"
