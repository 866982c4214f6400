"""The button that pays leads to Stripe's page and back, past our content security policy.

Stripe's page is played by a stand-in: another origin, to which no other form of ours leads.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from app.core.clock import system_clock
from tests.browser.guest import RESERVATION, Guest
from tests.payments.stripe_standin import KEY, SECRET, StandIn
from tests.servers import LiveServer, run_flask


@pytest.fixture(scope="module")
def stand_in() -> Iterator[Any]:
    """Stripe, as far as the browser can tell."""
    stripe = StandIn(system_clock)
    yield stripe
    stripe.close()


@pytest.fixture(scope="module")
def paid_by_stripe(
    stand_in: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """The demo place, with a key of Stripe's test mode."""
    folder = tmp_path_factory.mktemp("stripe")
    environ = {
        "SITE_MODE": "demo",
        "INSTANCE_DIR": str(folder / "instance"),
        "STRIPE_SECRET_KEY": KEY,
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_API_BASE": stand_in.base,
    }
    run_flask(environ, "prepare")
    with LiveServer(environ, logs=folder, workers=1) as server:
        yield server


@pytest.mark.clause("C03")
@pytest.mark.parametrize("javascript", [True, False])
def test_the_button_leads_to_stripe_and_back(
    chromium: Browser, paid_by_stripe: LiveServer, stand_in: StandIn, javascript: bool
) -> None:
    context = chromium.new_context(
        base_url=paid_by_stripe.url, java_script_enabled=javascript, locale="en-GB"
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    guest = Guest(page)

    guest.checkout()
    guest.say_who()
    guest.press("main form .button--primary")
    page.wait_for_url(f"{stand_in.base}/c/pay/**")
    # The guest gives Stripe nothing of ours: no cookie, and of the address only the host.
    seen = [call for call in stand_in.calls if call.path.startswith("/c/pay/")]
    guest.press("button")
    page.wait_for_url(RESERVATION)

    assert [text for text in complaints if "Content Security Policy" in text] == []
    assert "Cookie" not in seen[-1].headers
    assert "/checkout/" not in seen[-1].headers.get("Referer", "")
    assert stand_in.balance("eur") > 0
    context.close()
