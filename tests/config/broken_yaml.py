"""Further rules of the corpus: what is no longer YAML at all, and the place that is to be repaired."""

from __future__ import annotations

from collections.abc import Iterator

from tests.config.mutations import Mutant, Sound, named, rule, valued


@rule
def a_missing_colon(sound: Sound) -> Iterator[Mutant]:
    for at, place, _ in valued(sound):
        start = sound.start(place.key)
        line = sound.text.rfind("\n", 0, start) + 1
        if sound.keyed(at, place) and not sound.text[line:start].strip() and "\n" in sound.text[start + 20 :]:
            end = start + place.key.width
            if place.key.line == place.value.line and sound.shown(place.value)[0] not in "{[\"'":
                yield Mutant(named("missing colon", at), sound.text[:end] + sound.text[end + 1 :], start, ("E002",))


@rule
def a_missing_quote(sound: Sound) -> Iterator[Mutant]:
    for at, place, text in valued(sound):
        if text[0] == '"' and text[-1] == '"':
            end = sound.start(place.value) + place.value.width
            made = sound.text[: end - 1] + sound.text[end:]
            yield Mutant(named("missing quote", at), made, sound.start(place.value), ("E002",))


@rule
def a_missing_bracket(sound: Sound) -> Iterator[Mutant]:
    for at, place in sound.places():
        start, end = sound.start(place.value), sound.text.find("\n", sound.start(place.value))
        line = sound.text[start:end]
        bare = line.split(" #")[0].rstrip()
        alone = not set("{[") & set(sound.text[sound.text.rfind("\n", 0, start) + 1 : start])
        whole = line[:1] in {"{", "["} and bare.endswith(("}", "]")) and "\n" not in bare
        if alone and whole and bare.count(line[0]) == 1:
            made = sound.text[: start + len(bare) - 1] + sound.text[start + len(bare) :]
            yield Mutant(named("missing bracket", at), made, start, ("E002",))


@rule
def a_tab(sound: Sound) -> Iterator[Mutant]:
    for at, place, _ in valued(sound):
        start = sound.start(place.key)
        line = sound.text.rfind("\n", 0, start) + 1
        if start > line and not sound.text[line:start].strip() and not sound.text[:line].endswith(",\n"):
            made = f"{sound.text[:line]}\t{sound.text[start:]}"
            yield Mutant(named("tab", at), made, line, ("E002",))


@rule
def indented_too_far(sound: Sound) -> Iterator[Mutant]:
    for at, place, _ in valued(sound):
        start = sound.start(place.key)
        line = sound.text.rfind("\n", 0, start) + 1
        above = sound.text[:line].rstrip().rsplit("\n", 1)[-1].split(" #")[0].strip()
        alone = not sound.text[line:start].strip() and start > line
        if alone and above and not above.endswith((":", "}", "]")):
            made = f"{sound.text[:line]}   {sound.text[line:]}"
            yield Mutant(named("indented", at), made, start + 3, ("E002",))


SYNTAX = (a_missing_colon, a_missing_quote, a_missing_bracket, a_tab, indented_too_far)
