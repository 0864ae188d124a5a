"""XML read with care: no entities, no document type, little depth, and every element knows its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from deployments.errors import InvalidScript

MAX_DEPTH = 20


@dataclass
class Element:
    """An element: its name and attributes without namespaces' addresses, its text and elements in their order."""

    name: str
    attributes: dict[str, str]
    line: int
    content: list[Element | str] = field(default_factory=list)

    def refuse(self, why: str, **facts: object) -> InvalidScript:
        """Return the error that names this element and its line."""
        return refused(why, self.line, element=self.name, **facts)

    def text(self) -> str:
        """Return the text inside. Raises `InvalidScript` where an element is inside."""
        for part in self.content:
            if isinstance(part, Element):
                raise part.refuse(f"<{self.name}> holds text only: take <{part.name}> out of it.")
        return " ".join("".join(map(str, self.content)).split())


def refused(why: str, line: int, **facts: object) -> InvalidScript:
    """Return the error of something in a line."""
    return InvalidScript(f"SSML, line {line}: {why}", {"line": line, **facts})


def parse(source: str, namespace: str) -> Element:
    """Return the root element; names in another namespace than this keep its address, names without one are in it.

    Comments and processing instructions are left out. Raises `InvalidScript`.
    """
    reader = _Reader(namespace)
    try:
        reader.parser.Parse(source.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        raise refused(f"this is not well-formed XML ({expat.ErrorString(error.code)}).", error.lineno) from None
    return reader.root


class _Reader:
    def __init__(self, namespace: str) -> None:
        self.root = Element("", {}, 1)
        self._open: list[Element] = []
        self._prefix = f"{namespace} "
        self.parser = expat.ParserCreate("utf-8", " ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = lambda _: self._open.pop()
        self.parser.CharacterDataHandler = self._text

    def _text(self, text: str) -> None:
        self._open[-1].content.append(text)

    def _doctype(self, *_: object) -> None:
        raise refused("a document type is not read: take <!DOCTYPE out.", self.parser.CurrentLineNumber)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        plain = {key.removeprefix(self._prefix): value for key, value in attributes.items()}
        element = Element(name.removeprefix(self._prefix), plain, self.parser.CurrentLineNumber)
        if len(self._open) >= MAX_DEPTH:
            raise element.refuse(f"more than {MAX_DEPTH} elements lie inside each other.")
        if self._open:
            self._open[-1].content.append(element)
        else:
            self.root = element
        self._open.append(element)
