"""Uploads: the files and fields of a form that sends files, found in what was kept of it, and read one at a time.

Source of the grammar: RFC 7578, with names escaped as HTML says. Browsers send nothing else; what is not of it is
refused.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Annotated, Final

from fastapi import Depends, Request

from steelyard.server.form import Form
from steelyard.server.refusals import MalformedFormError

MEDIA_TYPE: Final = "multipart/form-data"
MAX_PARTS: Final = 64
MAX_HEAD: Final = 8_192
MAX_FIELD: Final = 8_192
MAX_NAME: Final = 200

CHUNK: Final = 2**16
_END_OF_HEAD: Final = b"\r\n\r\n"
_TYPE: Final = re.compile(
    r"multipart/form-data;\s*boundary=(?:\"([0-9A-Za-z'()+_,./:=?-]{1,70})\"|([0-9A-Za-z'()+_./:=?-]{1,70}))",
    re.IGNORECASE,
)
_HEADER: Final = re.compile(r"([!-9;-~]+):[ \t]*(.*?)[ \t]*")
_DISPOSITION: Final = re.compile(r'form-data; *name="([^"]*)"(?:; *filename="([^"]*)")?', re.IGNORECASE)
_ESCAPED: Final = {"%22": '"', "%0D": "\r", "%0d": "\r", "%0A": "\n", "%0a": "\n"}
# Control characters, and marks that make a name read backwards.
_UNSHOWN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it was sent.

    Attributes:
        field: the name of its field.
        name: what it is called where it came from, without folders.
        start, size: where its bytes are in what was kept.
    """

    field: str
    name: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A form that sends files; it can be read until the request is answered."""

    kept: IO[bytes]
    form: Form
    files: Sequence[SentFile]

    def content(self, file: SentFile) -> bytes:
        """Return the bytes of a file: of one at a time, for all of them may be many."""
        self.kept.seek(file.start)
        return self.kept.read(file.size)


def is_upload(content_type: str | None) -> bool:
    """Whether a body is a form that sends files.

    >>> is_upload("multipart/form-data; boundary=x"), is_upload("text/plain")
    (True, False)
    """
    return (content_type or "").partition(";")[0].strip().lower() == MEDIA_TYPE


def read_upload(kept: IO[bytes], content_type: str) -> Upload:
    r"""Find the files and fields of a form; fields in which no file was chosen are left out.

    Args:
        kept: its body; its length is the caller's to bound.
        content_type: of the request.

    Raises:
        MalformedFormError: it is no such form, or has more than 64 parts.

    >>> import io
    >>> head = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b.csv"\r\n\r\n'
    >>> upload = read_upload(io.BytesIO(head + b"Date\r\n--x--\r\n"), "multipart/form-data; boundary=x")
    >>> [(file.field, file.name, upload.content(file)) for file in upload.files]
    [('a', 'b.csv', b'Date')]
    """
    boundary = _TYPE.fullmatch(content_type.strip())
    if boundary is None:
        raise MalformedFormError
    mark = b"\r\n--" + (boundary[1] or boundary[2]).encode()
    fields: dict[str, list[str]] = {}
    files: list[SentFile] = []
    for start, end in _parts(kept, mark):
        name, file_name, begin = _read_head(kept, start, end)
        if file_name is None:
            fields.setdefault(name, []).append(_read_field(kept, begin, end))
        elif file_name or end > begin:
            files.append(SentFile(name, _shown(file_name), begin, end - begin))
    return Upload(kept, Form(fields), tuple(files))


def _parts(kept: IO[bytes], mark: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each part begins and ends, which whole marks say."""
    places = list(_places(kept, mark))
    if not places or places[0] != -2:  # noqa: PLR2004  the line's end before the first mark is not sent
        raise MalformedFormError
    for place, following in zip(places, [*places[1:], None], strict=True):
        after = place + len(mark)
        kept.seek(after)
        sign = kept.read(2)
        if following is not None and sign == b"\r\n":
            yield after + 2, following
        elif following is not None or sign != b"--" or kept.read(3) not in {b"", b"\r\n"}:
            raise MalformedFormError


def _places(kept: IO[bytes], mark: bytes) -> Iterator[int]:
    """Yield where the mark stands, reading on in pieces that overlap."""
    window, offset, found = b"\r\n", -2, 0
    kept.seek(0)
    while chunk := kept.read(CHUNK):
        window += chunk
        at = window.find(mark)
        while at >= 0:
            found += 1
            if found > MAX_PARTS + 1:
                raise MalformedFormError
            yield offset + at
            at = window.find(mark, at + len(mark))
        cut = max(0, len(window) - len(mark) + 1)
        window, offset = window[cut:], offset + cut


def _read_head(kept: IO[bytes], start: int, end: int) -> tuple[str, str | None, int]:
    """Return the names of a part, of its field and of its file, and where its content begins."""
    kept.seek(start)
    head, ended, _ = kept.read(min(MAX_HEAD, end - start)).partition(_END_OF_HEAD)
    headers: dict[str, str] = {}
    try:
        lines = head.decode().split("\r\n")
    except UnicodeDecodeError:
        raise MalformedFormError from None
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None or header[1].lower() in headers:
            raise MalformedFormError
        headers[header[1].lower()] = header[2]
    said = _DISPOSITION.fullmatch(headers.get("content-disposition", ""))
    if not ended or said is None or "content-transfer-encoding" in headers:
        raise MalformedFormError
    return (
        _unescaped(said[1]),
        None if said[2] is None else _unescaped(said[2]),
        start + len(head) + len(ended),
    )


def _read_field(kept: IO[bytes], begin: int, end: int) -> str:
    if end - begin > MAX_FIELD:
        raise MalformedFormError
    kept.seek(begin)
    try:
        text = kept.read(end - begin).decode()
    except UnicodeDecodeError:
        raise MalformedFormError from None
    if "\0" in text:
        raise MalformedFormError
    return text.replace("\r\n", "\n")


def _unescaped(name: str) -> str:
    for written, meant in _ESCAPED.items():
        name = name.replace(written, meant)
    return name


def _shown(file_name: str) -> str:
    """Return a name that can be shown: without folders, control characters or marks of direction."""
    last = re.split(r"[\\/]", file_name)[-1]
    return _UNSHOWN.sub("\ufffd", last).strip()[-MAX_NAME:].strip() or "unnamed"


async def _upload(request: Request) -> Upload | None:
    upload = request.scope["steelyard.call"].upload
    return upload if isinstance(upload, Upload) else None


AskedUpload = Annotated[Upload | None, Depends(_upload)]
"""The form with files that a request sends; None = it sends none."""
