"""The tables of facts: complete, unique, consistent between the two languages, and true where a slip is likely."""

import csv
import itertools
import re
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "lmkit" / "tiny" / "data"
CONTINENTS = {
    "Africa": ("非洲", 54),
    "Asia": ("亚洲", 47),
    "Europe": ("欧洲", 43),
    "North America": ("北美洲", 23),
    "South America": ("南美洲", 12),
    "Oceania": ("大洋洲", 14),
}
COUNTRY_COLUMNS = [
    "iso",
    *(f"{what}_{language}" for what in ("name", "capital", "continent", "currency", "language") for language in ("en", "zh")),
    "neighbours",
    "note",
]
PROVINCE_COLUMNS = [
    f"{what}_{language}" for what, language in itertools.product(("name", "seat", "cuisine", "dish"), ("zh", "en"))
]
ARTICLE = {"AE", "BS", "CD", "CF", "CG", "DO", "GB", "GM", "KM", "MH", "MV", "NL", "PH", "SB", "US"}


def read(name):
    with (DATA / name).open(encoding="utf8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        rows = list(reader)
    assert all(None not in row and None not in row.values() for row in rows), "a row has too many or too few cells"
    return reader.fieldnames, rows


COUNTRIES = {row["iso"]: row for row in read("countries.csv")[1]}
PROVINCES = {row["name_zh"]: row for row in read("provinces.csv")[1]}


def repeated(values):
    values = list(values)
    return {value for value in values if values.count(value) > 1}


def test_countries_are_the_members_of_the_united_nations_in_order():
    columns, rows = read("countries.csv")
    assert columns == COUNTRY_COLUMNS
    isos = [row["iso"] for row in rows]
    assert len(isos) == len(COUNTRIES) == 193
    assert isos == sorted(isos)
    assert all(re.fullmatch("[A-Z]{2}", iso) for iso in isos)
    assert not {"HK", "MO", "PS", "TW", "VA", "XK"} & set(isos)


def test_provinces_are_the_mainland_ones_and_the_two_regions():
    columns, rows = read("provinces.csv")
    assert columns == PROVINCE_COLUMNS
    assert len(rows) == len(PROVINCES) == 33
    without_seat = {name for name, row in PROVINCES.items() if not row["seat_zh"]}
    assert without_seat == {"北京", "天津", "上海", "重庆", "香港", "澳门"}


@pytest.mark.parametrize("column", ["name_en", "name_zh", "capital_en"])
def test_no_two_countries_share_a_name_or_a_capital(column):
    assert repeated(row[column] for row in COUNTRIES.values()) == set()


def test_only_kingston_and_kingstown_share_a_chinese_name():
    assert repeated(row["capital_zh"] for row in COUNTRIES.values()) == {"金斯敦"}
    assert {iso for iso, row in COUNTRIES.items() if row["capital_zh"] == "金斯敦"} == {"JM", "VC"}


@pytest.mark.parametrize("column", ["name_zh", "name_en", "seat_zh", "seat_en", "cuisine_zh", "cuisine_en", "dish_zh", "dish_en"])
def test_no_two_provinces_share_a_name_a_seat_a_cuisine_or_a_dish(column):
    assert repeated(row[column] for row in PROVINCES.values()) <= {""}


@pytest.mark.parametrize("rows", [COUNTRIES, PROVINCES], ids=["countries", "provinces"])
def test_each_cell_is_in_its_language_and_clean(rows):
    for key, row in rows.items():
        for column, cell in row.items():
            where = f"{key} {column}: {cell!r}"
            assert cell == cell.strip(), where
            assert "  " not in cell and "\n" not in cell, where
            if column.endswith("_zh") and cell:
                assert re.fullmatch(r"[\u4e00-\u9fff]+(·[\u4e00-\u9fff]+)*", cell), where
            elif cell:
                assert not re.search(r"[\u2e80-\u9fff\uff00-\uffef]", cell), where
            if column.endswith("_en") and cell:
                assert re.fullmatch("[A-Za-zÀ-ž][A-Za-zÀ-ž .'-]*", cell), where


def test_only_neighbours_and_notes_may_be_empty():
    for iso, row in COUNTRIES.items():
        assert {column for column, cell in row.items() if not cell} <= {"neighbours", "note"}, iso
    for name, row in PROVINCES.items():
        assert row["name_en"] and row["dish_zh"] and row["dish_en"], name
        assert bool(row["seat_zh"]) == bool(row["seat_en"]), name
        assert bool(row["cuisine_zh"]) == bool(row["cuisine_en"]), name


@pytest.mark.parametrize("what", ["continent", "currency", "language"])
def test_each_english_name_goes_with_one_chinese_name(what):
    pairs = {(row[f"{what}_en"], row[f"{what}_zh"]) for row in COUNTRIES.values()}
    assert repeated(english for english, _ in pairs) == set()
    assert repeated(chinese for _, chinese in pairs) == set()


def test_continents_have_their_numbers_of_members():
    for english, (chinese, number) in CONTINENTS.items():
        assert sum(row["continent_en"] == english for row in COUNTRIES.values()) == number, english
        assert {row["continent_zh"] for row in COUNTRIES.values() if row["continent_en"] == english} == {chinese}
    assert sum(number for _, number in CONTINENTS.values()) == len(COUNTRIES)


def test_the_article_stands_where_english_needs_one():
    assert {iso for iso, row in COUNTRIES.items() if row["name_en"].startswith("the ")} == ARTICLE
    assert all(row["name_en"].removeprefix("the ")[0].isupper() for row in COUNTRIES.values())


def test_neighbours_are_known_sorted_and_mutual():
    for iso, row in COUNTRIES.items():
        neighbours = row["neighbours"].split()
        assert neighbours == sorted(set(neighbours)), iso
        assert iso not in neighbours
        for other in neighbours:
            assert iso in COUNTRIES[other]["neighbours"].split(), f"{iso} has {other}, not the other way round"


def test_notes_are_short_sentences():
    for iso, row in COUNTRIES.items():
        assert not row["note"] or (row["note"].endswith(".") and row["note"][0].isupper() and len(row["note"]) < 200), iso


@pytest.mark.parametrize(
    ("iso", "facts"),
    {
        "BG": {"currency_en": "euro", "capital_zh": "索非亚"},
        "BI": {"capital_en": "Gitega"},
        "BO": {"capital_en": "Sucre"},
        "CD": {"name_zh": "刚果民主共和国", "capital_en": "Kinshasa"},
        "CG": {"name_zh": "刚果共和国", "capital_en": "Brazzaville"},
        "CN": {"name_zh": "中国", "capital_zh": "北京", "currency_zh": "人民币", "language_en": "Chinese"},
        "CY": {"continent_en": "Asia"},
        "DM": {"name_zh": "多米尼克", "capital_en": "Roseau"},
        "DO": {"name_zh": "多米尼加共和国", "capital_en": "Santo Domingo"},
        "EG": {"continent_en": "Africa", "neighbours": "IL LY SD"},
        "FR": {"capital_zh": "巴黎", "language_zh": "法语", "neighbours": "AD BE CH DE ES IT LU MC"},
        "GN": {"capital_en": "Conakry"},
        "GQ": {"capital_en": "Ciudad de la Paz"},
        "GW": {"capital_en": "Bissau", "language_en": "Portuguese"},
        "HR": {"currency_en": "euro"},
        "JP": {"neighbours": ""},
        "KZ": {"capital_en": "Astana", "continent_en": "Asia"},
        "LK": {"capital_en": "Sri Jayawardenepura Kotte"},
        "MM": {"capital_zh": "内比都"},
        "NE": {"name_zh": "尼日尔", "capital_en": "Niamey"},
        "NG": {"name_zh": "尼日利亚", "capital_en": "Abuja"},
        "PT": {"neighbours": "ES"},
        "RU": {"continent_en": "Europe"},
        "SR": {"language_en": "Dutch", "continent_en": "South America"},
        "TL": {"continent_en": "Asia"},
        "TR": {"continent_en": "Asia", "capital_en": "Ankara"},
        "TZ": {"capital_en": "Dodoma"},
        "US": {"neighbours": "CA MX", "currency_zh": "美元"},
        "ZW": {"currency_en": "Zimbabwe Gold"},
    }.items(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_some_facts_of_countries(iso, facts):
    assert {column: COUNTRIES[iso][column] for column in facts} == facts


@pytest.mark.parametrize(
    ("name", "seat", "dish"),
    [
        ("北京", "", "北京烤鸭"),
        ("广东", "广州", "白切鸡"),
        ("四川", "成都", "麻婆豆腐"),
        ("云南", "昆明", "过桥米线"),
        ("甘肃", "兰州", "兰州牛肉面"),
        ("内蒙古", "呼和浩特", "手把肉"),
        ("山西", "太原", "刀削面"),
        ("陕西", "西安", "肉夹馍"),
    ],
)
def test_some_facts_of_provinces(name, seat, dish):
    assert (PROVINCES[name]["seat_zh"], PROVINCES[name]["dish_zh"]) == (seat, dish)
