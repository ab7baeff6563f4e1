"""What requests bring: a body of these fields and no others, each of its type and length."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from steelyard.identity.permissions import Right, Role


class Body(BaseModel):
    """A body; a field that it does not know is refused, and text is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


Login = Annotated[str, Field(min_length=1, max_length=320)]
Password = Annotated[str, Field(min_length=1, max_length=4096)]
Secret = Annotated[str, Field(min_length=1, max_length=200)]
"""A code or the secret of a link, as typed or followed."""

Credential = Annotated[dict[str, Any], Field(min_length=1, max_length=20)]
"""What `navigator.credentials` returned, as JSON."""

RoleText = Annotated[Role, Field(strict=False)]
RightText = Annotated[Right, Field(strict=False)]
