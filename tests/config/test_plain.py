from __future__ import annotations

from pathlib import Path

import pytest

from config.diagnostics import render
from config.load import Loaded, load_source
from config.plain import Surroundings
from tests.config.marked import PLANT, marked

pytestmark = pytest.mark.req("LH-CONF-001", "LH-NF-009")

SECRETS = {"mqtt_password": "pass-word\n", "viewer_token": "v" * 32, "operator_token": "o" * 32}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name, text in SECRETS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def loaded(text: str, secrets: Path | None, **environment: str) -> Loaded:
    source, _ = marked(text if "«" in text else f"{text}#«x»")
    return load_source(source, Path("/nonexistent"), Surroundings(environment, secrets))


def broker(found: Loaded) -> str:
    assert found.definition is not None, render(found.diagnostics)
    return found.definition.connections["broker"].url


def test_variables_are_filled_in_after_parsing(secrets: Path) -> None:
    assert broker(loaded(PLANT, secrets)) == "mqtt://127.0.0.1:1883"
    assert broker(loaded(PLANT, secrets, HOST="broker.lan")) == "mqtt://broker.lan:1883"
    assert broker(loaded(PLANT, secrets, HOST="")) == "mqtt://127.0.0.1:1883"


def test_a_variable_can_add_no_key_line_or_type(secrets: Path) -> None:
    text = PLANT.replace("topic: plant/two", 'topic: "${TOPIC}"')
    for value in ("x\n    stale_after: 9 s", "x, y: z }", "a: b", "${HOST}", "#", "300"):
        found = loaded(text, secrets, TOPIC=value)
        if found.definition is not None:
            assert found.definition.assets["two"].topic == value
            assert found.definition.assets["two"].stale_after == 3.0


def test_variables_in_comments_and_keys_are_inert(secrets: Path) -> None:
    assert loaded(PLANT + "# ${NOBODY_SETS_THIS}\n", secrets).definition is not None
    found = loaded(PLANT.replace("  two:", '  "${TWO}":'), secrets, TWO="two")
    assert [problem.code for problem in found.diagnostics] == ["E109"]


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("topic: plant/«${NOBODY}»", "E207"),
        ("topic: 'a/«${NOBODY}»/${HOST:-x}'", "E207"),
        ('topic: "\\u0061/«${NOBODY}»"', "E207"),
        ("topic: a/«${NOBODY:?set it in the unit file}»", "E207"),
        ("topic: a/«${LINES}»", "E207"),
        ("topic: a/«${»1X}", "E214"),
        ("topic: a/«${»}", "E214"),
    ],
)
def test_a_variable_that_is_missing_is_said_at_its_own_column(secrets: Path, new: str, code: str) -> None:
    source, (line, column, width) = marked(PLANT.replace("topic: plant/two", new))
    found = load_source(source, Path("/nonexistent"), Surroundings({"LINES": "a\nb"}, secrets))
    (problem,) = found.diagnostics
    assert problem.span is not None
    assert (problem.code, problem.span.line, problem.span.column, problem.span.width) == (code, line, column, width)


def test_all_missing_variables_are_said_at_once(secrets: Path) -> None:
    found = loaded(PLANT.replace("topic: plant/two", "topic: '${A}/${B}/${C:-c}/${D:?ask the operator}'"), secrets)
    assert [problem.code for problem in found.diagnostics] == ["E207"] * 3
    assert "ask the operator" in found.diagnostics[2].message


def test_a_dollar_is_written_twice(secrets: Path) -> None:
    definition = loaded(PLANT.replace("user: ems", "user: 'a$${b}$c'"), secrets).definition
    assert definition is not None
    assert definition.connections["broker"].user == "a${b}$c"


def test_a_secret_is_read_from_its_file_and_never_printed(secrets: Path) -> None:
    definition = loaded(PLANT, secrets).definition
    assert definition is not None
    password = definition.connections["broker"].password
    assert password is not None
    assert (password.reveal(), password.name, password.path) == (
        "pass-word",
        "mqtt_password",
        secrets / "mqtt_password",
    )
    for shown in (f"{definition}", f"{definition!r}", f"{definition.model_dump()}", definition.model_dump_json()):
        assert "pass-word" not in shown
        assert "vvvv" not in shown
    assert "•••" in f"{password} {password!r}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * 70000, "too large"),
    ],
)
def test_a_secret_that_cannot_be_read_is_said_without_its_text(secrets: Path, content: bytes | None, said: str) -> None:
    (secrets / "viewer_token").unlink()
    if content is not None:
        (secrets / "viewer_token").write_bytes(content)
    source, (line, column, width) = marked(PLANT.replace("!secret viewer_token", "«!secret viewer_token»"))
    found = load_source(source, Path("/nonexistent"), Surroundings({}, secrets))
    assert found.definition is None
    (problem,) = found.diagnostics
    assert problem.span is not None
    assert (problem.code, problem.span.line, problem.span.column, problem.span.width) == ("E209", line, column, width)
    assert said in problem.message
    assert "xxxx" not in render(found.diagnostics)


def test_without_a_folder_of_secrets_each_is_said(secrets: Path) -> None:
    found = loaded(PLANT, None)
    assert [problem.code for problem in found.diagnostics] == ["E209"] * 3
    assert "--secrets-dir" in found.diagnostics[0].help


def test_a_secret_is_a_file_of_the_folder_only(secrets: Path) -> None:
    (secrets.parent / "outside").write_text("text", encoding="utf-8")
    for name in ("../outside", "/etc/hostname", "..", "a/b", "'a b'", '"a\\nb"'):
        found = loaded(PLANT.replace("!secret viewer_token", f"!secret {name}"), secrets)
        assert [problem.code for problem in found.diagnostics] == ["E209"], name


def test_with_stubs_neither_variables_nor_secrets_are_needed() -> None:
    source, _ = marked(PLANT.replace("${HOST:-127.0.0.1}", "${HOST}") + "#«x»")
    found = load_source(source, Path("/nonexistent"), Surroundings(stub=True))
    assert found.definition is not None
    assert found.diagnostics == ()
