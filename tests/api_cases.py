"""One example of every route, with which it succeeds for who may; a route that is not here fails the tests.

An example makes what it needs (somebody to invite, a code to type) and gives what to send.
"""

from api_account_cases import CASES as OF_ACCOUNTS
from api_identity_cases import CASES as OF_IDENTITY
from api_import_cases import CASES as OF_IMPORTS
from api_order_cases import CASES as OF_ORDERS
from api_proposal_cases import CASES as OF_PROPOSALS
from api_visit import Case

CASES: dict[str, Case] = OF_IDENTITY | OF_ACCOUNTS | OF_IMPORTS | OF_ORDERS | OF_PROPOSALS
"""Route → its example."""
