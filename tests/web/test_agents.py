"""Of what a browser says about itself, three words remain; robots that say so are told apart."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.agents import classify, is_robot

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {SAFARI}"
IPAD = f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {SAFARI}"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT}"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
GALAXY = f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT}"
CHROME = "Chrome/131.0.0.0"

BROWSERS = ("Chrome", "Edge", "Firefox", "Opera", "Safari", "Samsung Internet", "other")
SYSTEMS = ("Android", "ChromeOS", "iOS", "Linux", "macOS", "Windows", "other")

PEOPLE = [
    (f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1", "phone", "Safari", "iOS"),
    (f"{IPHONE} CriOS/125.0 Mobile/15E148 Safari/604.1", "phone", "Chrome", "iOS"),
    (f"{IPHONE} FxiOS/127.0 Mobile/15E148 Safari/605.1.15", "phone", "Firefox", "iOS"),
    (f"{IPHONE} Version/17.0 EdgiOS/125.0 Mobile/15E148 Safari/604.1", "phone", "Edge", "iOS"),
    (f"{IPHONE} Mobile/15E148", "phone", "other", "iOS"),
    (f"{IPAD} Version/16.6 Mobile/15E148 Safari/604.1", "tablet", "Safari", "iOS"),
    (f"{GALAXY} {CHROME} Mobile Safari/537.36", "phone", "Chrome", "Android"),
    (f"{GALAXY} {CHROME} Safari/537.36", "tablet", "Chrome", "Android"),
    (
        f"{GALAXY} SamsungBrowser/25.0 {CHROME} Mobile Safari/537.36",
        "phone",
        "Samsung Internet",
        "Android",
    ),
    (f"{GALAXY} {CHROME} Mobile Safari/537.36 OPR/84.0", "phone", "Opera", "Android"),
    (f"{GALAXY} {CHROME} Mobile Safari/537.36 EdgA/125.0", "phone", "Edge", "Android"),
    (
        "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0",
        "phone",
        "Firefox",
        "Android",
    ),
    (
        "Mozilla/5.0 (Android 14; Tablet; rv:127.0) Gecko/127.0 Firefox/127.0",
        "tablet",
        "Firefox",
        "Android",
    ),
    (f"{WINDOWS} {CHROME} Safari/537.36", "desktop", "Chrome", "Windows"),
    (f"{WINDOWS} {CHROME} Safari/537.36 Edg/131.0", "desktop", "Edge", "Windows"),
    (f"{WINDOWS} {CHROME} Safari/537.36 OPR/110.0", "desktop", "Opera", "Windows"),
    (f"{WINDOWS} {CHROME} Safari/537.36 Vivaldi/6.7", "desktop", "other", "Windows"),
    (
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; Tablet PC 2.0; rv:11.0) like Gecko",
        "desktop",
        "other",
        "Windows",
    ),
    (f"{MAC} {SAFARI} Version/17.5 Safari/605.1.15", "desktop", "Safari", "macOS"),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "desktop",
        "Firefox",
        "Linux",
    ),
    (
        f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} {CHROME} Safari/537.36",
        "desktop",
        "Chrome",
        "ChromeOS",
    ),
    (
        f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/131.0 Safari/537.36",
        "desktop",
        "Chrome",
        "Linux",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 9; BRAVIA 4K GB ATV3) {WEBKIT} {CHROME} Safari/537.36",
        "other",
        "Chrome",
        "Android",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) {WEBKIT} {CHROME} Mobile Safari/537.36",
        "phone",
        "Chrome",
        "Android",
    ),
    ("Microsoft Office/16.0 (Microsoft Outlook 16.0)", "other", "other", "other"),
    ("curl/8.5.0", "other", "other", "other"),
    ("python-requests/2.32", "other", "other", "other"),
    ("Werkzeug/3.1", "other", "other", "other"),
    ("", "other", "other", "other"),
]

ROBOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    f"{GALAXY} {CHROME} Mobile Safari/537.36 (compatible; Googlebot/2.1)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; YandexBot/3.0)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0)",
    "Mozilla/5.0 (compatible; Yahoo! Slurp)",
    "ia_archiver",
    "Mozilla/5.0 (compatible; archive.org_bot)",
    "facebookexternalhit/1.1",
    "Twitterbot/1.0",
    "WhatsApp/2.23.20 A",
    "Slackbot-LinkExpanding 1.0",
    "Mozilla/5.0 (Macintosh) AppleWebKit/605 SkypeUriPreview Preview/0.5",
    "Mozilla/5.0 (compatible; GPTBot/1.2)",
    "Mozilla/5.0 (compatible; Bytespider)",
    "SomeCrawler/1.0",
    "Reader/1.0 (+https://reader.example/about)",
    "Mozilla/5.0 … Chrome-Lighthouse",
]


@pytest.mark.clause("C09")
@pytest.mark.parametrize(("said", "device", "browser", "system"), PEOPLE)
def test_people_are_sorted_into_families(said, device, browser, system):
    assert classify(said) == (device, browser, system)
    assert not is_robot(said)


@pytest.mark.clause("C09")
@pytest.mark.parametrize("said", ROBOTS)
def test_who_says_that_nobody_looks_is_a_robot(said):
    assert is_robot(said)


@given(st.text(max_size=600) | st.text(string.printable, max_size=100).map("Mozilla/5.0 ".__add__))
def test_whatever_is_said_only_known_words_come_out(said):
    device, browser, system = classify(said)

    assert device in ("phone", "tablet", "desktop", "other")
    assert browser in BROWSERS
    assert system in SYSTEMS
    assert is_robot(said) in (True, False)


def test_a_very_long_text_is_not_read_to_its_end():
    assert not is_robot("x" * 1_000_000 + "Googlebot")
    assert classify("x" * 1_000_000 + "iPhone").device == "other"
