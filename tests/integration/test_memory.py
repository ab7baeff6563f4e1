"""What is asked of the store once: the same question gets the same answer, within its block and nowhere else."""

import pytest

from people import add_account, run
from steelyard.storage.connection import Pool, get_db_session
from steelyard.storage.memory import remember, remembering
from steelyard.storage.portfolio import StoredAccount, find_account

pytestmark = pytest.mark.usefixtures("own_store")


async def test_a_question_is_asked_once_within_its_block(own_store: Pool) -> None:
    del own_store
    await add_account("SAVINGS")
    with remembering():
        async with get_db_session() as db:
            first = await find_account(db, "SAVINGS")
        await run("update steelyard.accounts set account_name = 'other'")
        async with get_db_session() as db:
            assert await find_account(db, "SAVINGS") is first
            assert await find_account(db, "NONE") is None
    async with get_db_session() as db:
        found = await find_account(db, "SAVINGS")
    assert found is not None
    assert found.account_name == "other"


async def test_an_answer_can_be_there_before_it_is_asked_for() -> None:
    known = StoredAccount("A", "A", None, "USD", None)
    with remembering():
        remember(find_account, "A", answer=known)
        async with get_db_session() as db:
            assert await find_account(db, "A") is known
    remember(find_account, "A", answer=known)
    async with get_db_session() as db:
        assert await find_account(db, "A") is None
