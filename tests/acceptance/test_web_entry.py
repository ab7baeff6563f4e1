"""Getting in on pages without a script: links, passwords, second factors, providers, and what was typed before."""

import re
from datetime import timedelta
from html import unescape

import pytest

from entrances import PASSWORD
from evil_provider import Lies
from house import House, Person
from steelyard.identity.link import PAGES, LinkPurpose
from steelyard.identity.permissions import Role
from web_entry import HOSTILE, invited, later, link_for
from web_visit import Page, WebVisit, web_visit

COMMON, NEW, NOT_IT = "password1", "a lamp, a boat and 3 geese", "wrong as can be"


def opened(house: House, person: Person, purpose: LinkPurpose) -> Page:
    """The page of a link that was pasted into it."""
    page = web_visit(house).open(PAGES[purpose])
    return page.form("/link").fill(secret=link_for(house, person, purpose)).send()


def enrol_app(house: House, page: Page, person: Person) -> Page:
    """Give a person an app on the page that asks for a second factor; gives the page that shows recovery codes."""
    shown = page.form("/enrol/app").send()
    [seed] = [one.text for one in shown.root.all("code", class_="seed")]
    person.learn_seed(seed.replace(" ", ""))
    wrong = shown.form(button="Confirm").fill(code="000000").send(status=422)
    assert seed not in wrong.html
    assert '<svg class="qr"' in shown.html
    assert '<svg class="qr"' not in wrong.html
    return wrong.form(button="Confirm").fill(code=person.code(house.clock())).send()


def session_ended(house: House, visit: WebVisit, person: Person) -> None:
    """End the session of a window behind its back."""
    house.rows(
        "update steelyard.sessions set revoked_at = now() where user_id = :who returning 1",
        who=person.user_id,
    )
    assert visit.open("/settings").h1 == "Sign in"


# ── Links ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_invitation_is_accepted_with_a_password_and_an_app_and_signed_in_with_both(house: House) -> None:
    ada = invited(house, Role.ADVISOR)
    page = opened(house, ada, LinkPurpose.INVITATION)
    assert page.came_by == ("/link",)
    assert ada.login in page.text

    refused = page.form("/link/password").fill(password=COMMON).send(status=422)
    assert "common words" in " ".join(refused.texts("alert"))
    page = refused.form("/link/password").fill(password=PASSWORD).send()
    assert (page.h1, page.path) == ("One more step", "/enrol?next=%2F")
    for elsewhere in ("/settings", "/settings/security", "/settings/tokens", "/dashboard?account=MINE-1"):
        assert page.visit.open(elsewhere).h1 == "One more step"

    codes = enrol_app(house, page, ada)
    shown = [one.text for one in codes.root.one("ol", id="codes").all("code")]
    assert len(set(shown)) == 10
    assert codes.follow("I have kept them, go on").path == "/dashboard"

    page = web_visit(house).open("/login?next=/settings/security")
    page = page.form("/login").fill(login=ada.login, password=PASSWORD).send()
    assert page.path == "/login/mfa?next=%2Fsettings%2Fsecurity"
    wrong = page.form(button="Go on").fill(code="123456").send(status=422)
    assert wrong.h1 == "Second step"
    page = wrong.form(button="Use it").fill(code=shown[0]).send()
    assert (page.h1, page.path) == ("Signing in", "/settings/security")
    assert "9 left" in page.text


def test_a_recovery_takes_every_factor_away(house: House) -> None:
    ada = house.do(house.person(Role.VIEWER))
    house.do(house.enrol(ada))
    other = web_visit(house, ada)
    page = opened(house, ada, LinkPurpose.RECOVERY)
    assert page.h1 == "Get back in"
    page = page.form("/link/password").fill(password=NEW).send()
    assert page.path == "/dashboard"
    assert other.open("/settings").h1 == "Sign in"
    security = page.visit.open("/settings/security")
    assert "0 left" in security.text


def test_a_link_opens_once_and_no_page_or_address_holds_its_secret(house: House) -> None:
    ada = invited(house, Role.VIEWER)
    visit = web_visit(house)
    link = link_for(house, ada, LinkPurpose.INVITATION)
    secret = link.partition("#")[2]
    page = visit.post("/link", {"secret": link, "purpose": "invitation"})
    assert secret not in page.html
    assert all(secret not in path for path in (page.path, *page.came_by))
    page.form("/link/password").fill(password=PASSWORD).send()

    again = web_visit(house).post("/link", {"secret": secret, "purpose": "recovery"}, 422)
    assert again.h1 == "Get back in"
    assert "opens nothing any more" in " ".join(again.texts("alert"))
    assert secret not in again.html


@pytest.mark.parametrize("typed", ["", "nonsense", f"#{'A' * 43}", HOSTILE])
def test_what_is_no_link_is_refused_and_not_repeated(house: House, typed: str) -> None:
    page = web_visit(house).post("/link", {"secret": typed, "purpose": "setup"}, 422)
    assert HOSTILE not in unescape(page.html)


def test_set_up_is_over_where_somebody_can_sign_in(house: House) -> None:
    page = web_visit(house).open("/setup")
    assert page.h1 == "Steelyard is set up"
    assert page.follow("Sign in").h1 == "Sign in"


# ── Second factors ──────────────────────────────────────────────────────────────────────────────────────


def test_five_wrong_codes_begin_again(house: House) -> None:
    ada = house.do(house.person(Role.VIEWER))
    house.do(house.enrol(ada))
    page = web_visit(house).open("/login").form("/login").fill(login=ada.login, password=PASSWORD).send()
    for _ in range(5):
        page = page.form(button="Go on").fill(code="000000").send(status=422)
    page = page.form(button="Go on").fill(code=ada.code(house.clock())).send(status=400)
    assert page.h1 == "Sign in"


def test_only_pages_of_ours_are_gone_to(house: House) -> None:
    viewer = house.people[1, Role.VIEWER]
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        page = web_visit(house).open("/login")
        page = page.visit.post("/login", {"login": viewer.login, "password": PASSWORD, "next": elsewhere})
        assert page.path == "/dashboard"


# ── Proving it again ────────────────────────────────────────────────────────────────────────────────────


def test_who_was_away_proves_it_again_and_comes_back(house: House) -> None:
    ada = house.do(house.person(Role.VIEWER))
    house.do(house.enrol(ada))
    visit = web_visit(house, ada)
    with later(house, timedelta(minutes=6)):
        page = visit.open("/settings/security/password")
        assert (page.h1, page.came_by) == ("Prove again who you are", ("/settings/security/password",))
        page = page.form(button="Go on").fill(code="000000").send(status=422)
        page = page.form(button="Go on").fill(code=ada.code(house.clock())).send()
        assert (page.h1, page.path) == ("Change your password", "/settings/security/password")


def test_who_has_no_second_factor_proves_it_with_the_password(house: House) -> None:
    visit = web_visit(house, house.do(house.person(Role.VIEWER)))
    with later(house, timedelta(minutes=6)):
        page = visit.open("/enrol?next=/settings/security")
        page = page.form(button="Go on").fill(code="not this one, surely").send(status=401)
        page = page.form(button="Go on").fill(code=PASSWORD).send()
        assert (page.h1, page.path) == ("Add a passkey or an app", "/enrol?next=/settings/security")


# ── What was typed before the session ended ─────────────────────────────────────────────────────────────


def test_what_was_typed_is_sent_after_signing_in_again(house: House) -> None:
    ada = house.do(house.person(Role.VIEWER))
    house.do(house.enrol(ada))
    visit = web_visit(house, ada)
    form = visit.open("/settings/tokens/new").form("/settings/tokens")
    form.fill(name=HOSTILE, scope=["read:asset", "read:order"])
    session_ended(house, visit, ada)

    origin = house.served.wiring.place.public_url
    page = form.send(status=401, referer=f"{origin}/settings/tokens/new")
    assert page.h1 == "Your session has ended"
    page = page.form("/login/again").send()
    page = page.form("/login").fill(login=ada.login, password=NOT_IT).send(status=401)
    page = page.form("/login").fill(password=PASSWORD).send()
    assert (page.h1, page.path) == ("Second step", "/login")
    page = page.form(button="Go on").fill(code="000000").send(status=422)
    page = page.form(button="Go on").fill(code=ada.code(house.clock())).send()
    assert page.h1 == "What you had typed"
    assert HOSTILE in page.text
    assert "<script>alert" not in page.html
    assert page.links()["Let it go, and open the page"] == "/settings/tokens/new"
    assert page.form("/settings/tokens").send().h1 == "Your new token"
    assert HOSTILE in visit.open("/settings/tokens").text


def test_what_is_typed_into_a_part_of_a_page_stays_there_when_the_session_has_ended(house: House) -> None:
    ada = house.do(house.person(Role.OWNER))
    visit = web_visit(house, ada)
    session_ended(house, visit, ada)
    part = visit.post("/rebalance/what-if?account=MINE-1", {"t.MINECO": "12"}, 401, hx_request="true")
    assert part.headers["hx-retarget"] == "#toast"
    assert "What you typed is still here" in part.root.text
    looked = visit.open("/accounts", 401, hx_request="true")
    assert (looked.headers["hx-refresh"], looked.html) == ("true", "")


def test_a_draft_holds_no_secret_and_goes_through_proving_it_again(house: House) -> None:
    ada = house.do(house.person(Role.VIEWER))
    house.do(house.enrol(ada))
    visit = web_visit(house, ada)
    secret = "a secret that is typed anew"  # noqa: S105 - made up for this test
    with later(house, timedelta(minutes=6)):
        page = visit.post("/settings/security/password", {"new_password": secret}, 401)
        page = page.form("/step-up/again").send()
        page = page.form(button="Go on").fill(code=ada.code(house.clock())).send()
        assert page.h1 == "What you had typed"
        assert secret not in page.html
        page = page.form("/settings/security/password").fill(new_password=secret).send()
        assert page.path == "/settings/security?done=password"


@pytest.mark.parametrize("draft", ["nonsense", "e30", "a" * 70_000, HOSTILE])
def test_what_is_no_draft_is_let_go(house: House, draft: str) -> None:
    viewer = house.people[1, Role.VIEWER]
    status = 413 if len(draft) > 65_000 else 200
    page = web_visit(house, viewer).post("/draft", {"draft": draft, "next": "/settings"}, status)
    assert status == 413 or page.path == "/settings"


# ── Providers ───────────────────────────────────────────────────────────────────────────────────────────


def at_provider(house: House, page: Page, action: str, name: str = "right", status: int = 200) -> Page:
    """Press the button of a provider, show there who one is, and come back."""
    away = page.visit.post(f"{action}/{name}", page.form(f"{action}/{name}").fields)
    [refresh] = away.root.all("meta", http_equiv="refresh")
    url = refresh.attributes["content"].removeprefix("0;url=")
    query = house.provider.sign_in(url)
    back = f"/api/v1/sign-in/providers/{name}/callback?{query}"
    return away.visit.open(back, status, sec_fetch_site="cross-site", sec_fetch_mode="navigate")


def test_a_provider_lets_in_who_is_linked_and_asks_for_the_second_factor_here(house: House) -> None:
    ada = house.do(house.person(Role.VIEWER))
    house.do(house.link_identity(ada))
    page = web_visit(house).open("/login?next=/settings")
    assert at_provider(house, page, "/login/at").path == "/settings"

    house.do(house.enrol(ada))
    page = at_provider(house, web_visit(house).open("/login?next=/settings"), "/login/at")
    assert (page.h1, page.path) == ("Second step", "/login/mfa?next=%2Fsettings")
    assert page.form(button="Go on").fill(code=ada.code(house.clock())).send().path == "/settings"


def test_what_a_provider_refuses_is_said_on_the_page_where_it_began(house: House) -> None:
    ada = house.do(house.person(Role.VIEWER))
    _, subject = house.do(house.link_identity(ada))
    house.do(house.link_identity(house.do(house.person(Role.VIEWER))))
    page = at_provider(house, web_visit(house).open("/login"), "/login/at", "aud-foreign")
    assert page.path == "/login?refused=failed"
    assert "not believed" in " ".join(page.texts("alert"))

    house.provider.now = house.clock()
    page = at_provider(house, web_visit(house, ada).open("/settings/security"), "/settings/security/at")
    assert page.path == "/settings/security?refused=taken"
    assert "another user" in " ".join(page.texts("alert"))
    assert subject == "ada"


def test_an_account_at_a_provider_is_linked_used_to_prove_it_again_and_unlinked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = house.do(house.person(Role.VIEWER))
    issuer, subject = house.do(house.link_identity(nobody))
    house.rows("delete from steelyard.user_identities where subject = :subject returning 1", subject=subject)
    ada = house.do(house.person(Role.VIEWER))
    house.provider.now = house.clock()
    page = at_provider(house, web_visit(house, ada).open("/settings/security"), "/settings/security/at")
    assert (page.path, page.texts("status")[0]) == (
        "/settings/security?done=linked",
        "Your account there is linked: you can sign in with it.",
    )
    with later(house, timedelta(minutes=6)):
        house.provider.now = house.clock()
        page = page.visit.open("/settings/security/password")
        refused = at_provider(house, page, "/step-up/at")  # it does not say when they showed who they are
        assert refused.path == "/step-up?refused=failed&next=%2Fsettings%2Fsecurity%2Fpassword"
        fresh = Lies(claims=lambda claims: claims | {"auth_time": claims["iat"]})
        monkeypatch.setitem(house.provider.lies, "right", fresh)
        page = at_provider(house, refused, "/step-up/at")
        assert page.path == "/settings/security/password"
        page = page.visit.open("/settings/security").form("/settings/security/identities/remove").send()
        assert page.path == "/settings/security?done=removed"
    assert issuer not in page.html


def test_an_invitation_is_accepted_at_a_provider(house: House) -> None:
    nobody = house.do(house.person(Role.VIEWER))
    house.do(house.link_identity(nobody))
    house.rows("delete from steelyard.user_identities where subject = 'ada' returning 1")
    page = opened(house, invited(house, Role.VIEWER), LinkPurpose.INVITATION)
    assert at_provider(house, page, "/link/at").path == "/dashboard"


def test_no_page_of_getting_in_shows_what_an_address_says(house: House) -> None:
    for path in ("/login?refused=%3Cb%3E&next=%22%3E%3Cb%3E", "/setup?x=%3Cb%3E", "/recover", "/invite"):
        assert not re.search("<b>|&lt;b&gt;", web_visit(house).open(path).html)
