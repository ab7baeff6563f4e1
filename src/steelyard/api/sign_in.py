"""Signing in: one factor, and the second one where there is one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from steelyard.api.answer import Answer
from steelyard.api.browser import AskingBrowser, Browser, Kept
from steelyard.server.permits import CurrentActor, signed_in, signing_in
from steelyard.services import sign_in as service
from steelyard.services.entrance import SecondFactorNeeded, Signed
