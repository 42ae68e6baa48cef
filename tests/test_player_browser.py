"""The player's page in a browser: what is clicked, what then stands on the screen, and that it is dualad's."""

import shutil

import numpy as np
import pytest
from test_player import CASES, evil, field, flat, griewank, jacobian, many

import dualad
from dualad import player

playwright = pytest.importorskip("playwright.sync_api", reason="the page is tested with playwright")
CHROMIUM = next(
    filter(
        None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    ),
    None,
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to show the page in")


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as p:
        try:
            browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        except playwright.Error as reason:
            pytest.skip(f"{CHROMIUM} does not start here: {reason.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def show(chromium, tmp_path):
    """Open a player's page; at the end nothing may have been complained of, loaded or asked."""
    contexts, complaints = [], []

    def opened(page, **options):
        page.save(tmp_path / "page.html")
        context = chromium.new_context(**options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append(dialog.message) or dialog.dismiss())
        tab.on(
            "request",
            lambda request: complaints.append(request.url) if "page.html" not in request.url else None,
        )
        tab.goto((tmp_path / "page.html").as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def matrix(tab, where):
    """The Jacobian on the screen: NaN where nothing stands yet."""
    rows = tab.locator(f"{where} tbody tr")
    found = [
        [cell.get_attribute("data-value") for cell in rows.nth(i).locator("td").all()]
        for i in range(rows.count())
    ]
    return np.array([[np.nan if v is None else float(v) for v in row] for row in found])


def column(tab, side, k):
    """The numbers in a column of a trace."""
    cells = tab.locator(f"#{side} .trace tbody td:nth-child({k})").all()
    return [
        None if c.get_attribute("data-value") is None else float(c.get_attribute("data-value")) for c in cells
    ]


def counter(tab, side, name):
    return int(tab.locator(f"#{side} [data-count={name}]").inner_text())


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("f", "points"), CASES.items(), ids=lambda v: getattr(v, "__name__", ""))
def test_both_modes_end_with_dualads_jacobian(show, f, points):
    tab = show(player(f, *points[0]))
    tab.click("#end")
    for point in points:
        for field_, value in zip(tab.locator("#inputs input").all(), flat(point), strict=True):
            field_.fill(repr(value))
        assert tab.locator("#notice").inner_text() == ""
        close(matrix(tab, "#forward .jacobian"), jacobian(f, point))
        close(matrix(tab, "#reverse .jacobian"), jacobian(f, point))
    tab.click("#tab-order")
    for order in ("forward", "reverse", "greedy"):
        tab.click(f"#order-{order}")
        close(matrix(tab, "#order-jacobian"), jacobian(f, points[-1]))
        assert tab.locator("#order-count").inner_text() == tab.locator(f"#count-{order}").inner_text()


def test_one_side_fills_columns_and_the_other_rows(show):
    tab = show(player(field, np.array([3.0, 4.0])))
    J, steps = jacobian(field, (np.array([3.0, 4.0]),)), 8  # operations
    filled = {"forward": [], "reverse": []}
    for _ in range(4 * steps):
        tab.click("#next")
        for side, seen in filled.items():
            there = ~np.isnan(matrix(tab, f"#{side} .jacobian"))
            close(matrix(tab, f"#{side} .jacobian")[there], J[there])
            seen.append(there.any(axis=0 if side == "forward" else 1).tolist())
            assert there.sum() == sum(seen[-1]) * (3 if side == "forward" else 2)
    assert [sum(seen) for seen in filled["forward"]] == [min(t // steps, 2) for t in range(1, 4 * steps + 1)]
    assert [sum(seen) for seen in filled["reverse"]] == [
        max(t // steps - 1, 0) for t in range(1, 4 * steps + 1)
    ]
    assert tab.locator("#step").inner_text() == "32 of 32"


def test_every_step_of_a_small_function(show):
    tab = show(player(griewank, 2.0, 5.0))
    log2, sin5, cos5 = np.log(2.0), np.sin(5.0), np.cos(5.0)
    values = [2.0, 5.0, log2, 10.0, log2 + 10, sin5, log2 + 10 - sin5]
    assert column(tab, "forward", 2) == [2.0, 5.0, *[None] * 5]
    for _ in range(5):
        tab.keyboard.press("ArrowRight")
    close(column(tab, "forward", 2), values)
    close(column(tab, "forward", 3), [1.0, 0.0, 0.5, 5.0, 5.5, 0.0, 5.5])
    assert column(tab, "reverse", 3) == [None] * 7
    # 5 values, and a multiplication for each of the 8 partials; on the other side the values alone
    assert (counter(tab, "forward", "operations"), counter(tab, "reverse", "operations")) == (13, 5)
    assert (counter(tab, "forward", "most"), counter(tab, "reverse", "stored")) == (6, 7)
    tab.keyboard.press("ArrowRight")
    assert column(tab, "reverse", 3) == [None, None, None, None, 1.0, -1.0, 1.0]
    assert "v₅ sends 1 · 1 to v₃, 1 · −1 to v₄." in tab.locator("#reverse .status").inner_text()
    assert "1 of 1, for y" in tab.locator("#reverse .status").inner_text()
    tab.keyboard.press("End")
    close(column(tab, "reverse", 3), [5.5, 2 - cos5, 1.0, 1.0, 1.0, -1.0, 1.0])
    close(column(tab, "forward", 3), [0.0, 1.0, 0.0, 2.0, 2.0, cos5, 2 - cos5])
    assert (counter(tab, "forward", "operations"), counter(tab, "reverse", "operations")) == (26, 13)
    assert tab.locator("#reverse .trace tbody tr").nth(6).locator("td").nth(1).inner_text() == "11.6521"
    marked = [tab.locator(f"#source .line.{side}").inner_text().strip() for side in ("forward", "reverse")]
    assert marked == ["return a + b - np.sin(x2)", "a = np.log(x1)"]


def test_keyboard_play_and_scrub(show):
    tab = show(player(griewank, 2.0, 5.0))
    step = tab.locator("#step")
    for key, expected in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 10), ("Home", 0)):
        tab.keyboard.press(key)
        assert step.inner_text() == f"{expected} of 10"
    assert tab.locator("#back").is_disabled() and tab.locator("#next").is_enabled()
    tab.locator("#scrub").focus()
    tab.keyboard.press("ArrowRight")
    assert step.inner_text() == "1 of 10"
    tab.locator("#scrub").evaluate("(e) => { e.value = 7; e.dispatchEvent(new Event('input')); }")
    assert step.inner_text() == "7 of 10"
    tab.select_option("#speed", "120")
    tab.click("#play")
    playwright.expect(tab.locator("#play")).to_have_text("Pause")
    playwright.expect(step).to_have_text("10 of 10", timeout=20_000)
    playwright.expect(tab.locator("#play")).to_have_text("Play")
    tab.locator("body").press(" ")
    playwright.expect(tab.locator("#play")).to_have_text("Pause")
    tab.locator("body").press(" ")
    playwright.expect(tab.locator("#play")).to_have_text("Play")


def test_the_keyboard_is_never_lost(show):
    tab = show(player(griewank, 2.0, 5.0))
    tab.locator("#end").focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "play"
    tab.locator("#tab-steps").focus()
    for expected in ("chain", "order", "steps"):
        tab.keyboard.press("ArrowRight")
        assert tab.evaluate("document.activeElement.id") == f"tab-{expected}"
        shown = [p.get_attribute("id") for p in tab.locator("[role=tabpanel]").all() if p.is_visible()]
        assert shown == [expected]
    # All that can be used has a name.
    nameless = tab.evaluate(
        """[...document.querySelectorAll('button, input, select, [tabindex="0"]')].filter((e) =>
        !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).length"""
    )
    assert nameless == 0


def test_other_inputs_and_what_are_none(show):
    f, (point, _) = next(item for item in CASES.items() if item[0].__name__ == "branches")
    tab = show(player(f, *point))
    tab.click("#end")
    first = tab.locator("#inputs input").first
    first.fill("0.5")  # which takes the other branch
    assert "another branch" in tab.locator("#notice").inner_text()
    assert "if x[0] > 1" in tab.locator("#notice").inner_text()
    close(matrix(tab, "#forward .jacobian"), jacobian(f, point))
    first.fill("two")
    assert "no number" in tab.locator("#notice").inner_text()
    assert first.get_attribute("aria-invalid") == "true"
    first.fill("1.5")
    assert tab.locator("#notice").inner_text() == ""
    close(matrix(tab, "#forward .jacobian"), jacobian(f, (np.array([1.5, 5.0, 3.0]),)))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.where(x[0] > 0, np.sqrt(np.abs(x[0])), 0.0) * x[1],
        lambda x: np.maximum(np.log(x[0]), x[1]),
        lambda x: np.sqrt(x[0]) + x[1],
        lambda x: np.clip(np.sqrt(x[0]), 1.0, 2.0) * x[1],
    ],
)
def test_infinite_partials_of_what_was_not_chosen(show, f):
    x = np.array([0.0, 2.0])
    tab = show(player(f, x))
    tab.click("#end")
    for mode in ("forward", "reverse"):
        with np.errstate(all="ignore"):
            expected = dualad.jacobian(f, mode=mode)(x)
        np.testing.assert_array_equal(matrix(tab, f"#{mode} .jacobian"), [expected])
    assert "Infinity" not in tab.locator("body").inner_text()


def test_what_the_page_cannot_compute(show):
    tab = show(player(lambda x: np.linalg.det(x), np.array([[2.0, 1.0], [0.5, 3.0]])))
    assert "cannot be changed here: np.linalg.det" in tab.locator("#notice").inner_text()
    assert tab.locator("#inputs input").first.is_disabled()
    tab.click("#end")
    close(matrix(tab, "#reverse .jacobian"), [[3.0, -0.5, -1.0, 2.0]])


def test_elimination_in_an_order_of_ones_own(show):
    tab = show(player(field, np.array([3.0, 4.0])))
    tab.click("#tab-order")
    counts = [int(tab.locator(f"#count-{order}").inner_text()) for order in ("forward", "reverse", "greedy")]
    assert counts == [12, 16, 11]
    vertices = tab.locator("#order-picture [role=button]")
    assert vertices.count() == 5
    expected = 0
    while vertices.count():
        words = vertices.last.locator(".cost").text_content().split(" × ")
        expected += int(words[0]) * int(words[1])
        vertices.last.press("Enter")
        assert int(tab.locator("#order-count").inner_text()) == expected
    assert expected == 16  # which is the reverse order
    J = jacobian(field, (np.array([3.0, 4.0]),))
    close(matrix(tab, "#order-jacobian"), J)
    tab.click("#order-undo")
    assert vertices.count() == 1
    assert np.all(np.isnan(matrix(tab, "#order-jacobian")))
    vertices.first.click()
    tab.locator("#inputs input").first.fill("1")
    close(matrix(tab, "#order-jacobian"), jacobian(field, (np.array([1.0, 4.0]),)))
    tab.click("#order-reset")
    assert vertices.count() == 5 and tab.locator("#order-count").inner_text() == "0"


def test_checkpoints(show):
    def chain(x):
        for _ in range(8):
            x = np.sin(x) * 1.1
        return x

    page = player(chain, 0.5)
    tab = show(page)
    tab.click("#tab-chain")
    assert "a chain of 16 steps" in tab.locator("#chain-idea").inner_text()
    tab.locator("#snapshots").focus()
    tab.keyboard.press("Home")
    for c, expected in enumerate(page.data["chain"]["schedules"], 1):
        assert tab.locator("#snapshots-value").inner_text() == str(c)
        assert tab.locator("#chain-runs").inner_text() == str(expected["evaluations"])
        assert tab.locator("#chain-kept").inner_text() == str(expected["kept"])
        assert tab.locator("#chain-picture circle").count() == 16
        tab.keyboard.press("ArrowRight")


def test_strings_from_outside_are_text(show):
    tab = show(evil())
    assert tab.locator("img").count() == 0
    assert "<script>alert(1)</script>" in tab.locator("#title").inner_text()
    tab.click("#end")
    tab.click("#tab-order")
    assert "</script><script…" in tab.locator("#order-picture").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_it_fits_and_can_be_read(show, width, scheme):
    tab = show(player(many, *CASES[many][0]), viewport={"width": width, "height": 844}, color_scheme=scheme)
    tab.click("#end")
    for name in ("steps", "chain", "order"):
        tab.click(f"#tab-{name}")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        # Contrast (WCAG 2.1) of all text with what is behind it
        low = tab.evaluate(
            """() => {
            const numbers = (c) => c.match(/[\\d.]+/g).map(Number);
            const light = (c) => numbers(c).slice(0, 3).map((v) => v / 255)
              .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
              .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const behind = (e) => {
              for (; e; e = e.parentElement) {
                const c = getComputedStyle(e).backgroundColor;
                if (numbers(c)[3] !== 0) return c;
              }
              return "rgb(255, 255, 255)";
            };
            const found = [];
            for (const e of document.querySelectorAll("p, td, th, dt, dd, h1, h2, code, output, label, button, span")) {
              if (!e.textContent.trim() || e.disabled || !e.checkVisibility()) continue;
              const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
              const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
              if (ratio < 4.5) found.push([e.textContent.slice(0, 20), ratio]);
            }
            return found;
        }"""
        )
        assert low == []
