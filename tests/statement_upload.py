"""Forms that send files, as browsers write them."""

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"


def multipart(*files: tuple[str, bytes], **fields: str) -> tuple[bytes, str]:
    """The body of a form with files, and its type."""
    parts = [(f'name="{name}"', "", value.encode()) for name, value in fields.items()]
    for name, content in files:
        escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        parts.append(
            (f'name="files"; filename="{escaped}"', "Content-Type: application/octet-stream\r\n", content)
        )
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {said}\r\n{more}\r\n".encode() + content + b"\r\n"
        for said, more, content in parts
    )
    return body + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"
