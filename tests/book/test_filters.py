"""The box above a long list: its place is kept, it shows what fits, it works by keyboard, and links get through it."""

from tests.book.test_corrections import BIBLIOGRAPHY, CORRECTIONS, ROW
from tests.book.test_glossary import SMALL, book
from tests.browser import served, visit

SECOND = "E068,S2,Two words,两个词,Wrong.,Right.,vaswani2017attention,,partly: the abstract of the paper"
SHIFTS = """window.shifts = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.shifts += one.value)))
    .observe({ type: "layout-shift", buffered: true });"""


def test_corrections_are_filtered_by_words_and_by_what_was_checked(build, chromium):
    row = ROW.replace(",one,", ",,") + "\n" + SECOND + ","
    html = build({"index": "# Home", "chapters/corrections": CORRECTIONS, "refs": BIBLIOGRAPHY}, errata=(row,))
    with served(html) as address, visit(chromium, address + "chapters/corrections.html", before=SHIFTS) as seen:
        page = seen.page
        count, entries = page.locator(".concept-filter output"), page.locator("section.correction:visible")
        assert count.text_content() == "2 of 2 corrections" and entries.count() == 2
        assert page.evaluate("window.shifts") < 0.02
        page.get_by_label("Checked").select_option("partly verified")
        assert entries.all_text_contents()[0].strip().startswith("E068") and count.text_content() == "1 of 2 corrections"
        page.evaluate("location.hash = 'e067'")
        page.wait_for_function("document.querySelector('.concept-filter output').textContent === '2 of 2 corrections'")
        page.get_by_label("Find a correction").press_sequentially("权重")
        assert entries.count() == 1
        assert seen.clean()


def test_a_term_of_the_glossary_is_found_in_both_languages(build, chromium):
    html = build(book("## Masks"))
    assert SMALL.count("{shown}") == 4
    with served(html) as address, visit(chromium, address + "chapters/glossary.html") as seen:
        page = seen.page
        for words, left in (("掩码", "因果掩码"), ("CAUSAL mask", "因果掩码"), ("loop react", "推理行动结合")):
            page.get_by_label("Find a term").fill(words)
            assert page.locator("dl.glossary > dt:visible").count() == 2 and page.locator("dl.glossary > dd:visible").count() == 1
            assert page.locator("dl.glossary > dt:visible").last.text_content().startswith(left)
        assert seen.clean()
