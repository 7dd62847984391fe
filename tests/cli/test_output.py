from barlowcli.cli import output


def test_columns_stand_one_below_the_other_without_cropping_and_without_markup():
    wide = "x" * 300
    assert output.columns([("a", "[bold]"), ("long", wide)]) == ["a     [bold]", f"long  {wide}"]
    assert output.columns([("", "n"), ("a", "100")], right=(1,)) == ["     n", "a  100"]
