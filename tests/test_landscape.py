"""The tables of the landscape: every row has its source and date; and the sums done with them."""

import re

import pytest

from lmkit import landscape

DATED = {"models": "as_of", "licences": "as_of", "prices": "date", "layers": "as_of", "predictions": "date", "video": "date"}


@pytest.mark.parametrize("table", landscape.TABLES)
def test_no_row_stands_twice_and_none_is_empty(table):
    rows = landscape.rows(table)
    firsts = [tuple(row.values())[:2] for row in rows]
    assert rows and len(set(firsts)) == len(firsts)
    numbers = landscape.NUMBERS.get(table, ())
    for row in rows:
        assert None not in row and all(value is not None for column, value in row.items() if column not in numbers), row


@pytest.mark.parametrize(("table", "column"), DATED.items())
def test_every_row_has_a_date(table, column):
    assert all(re.fullmatch(r"20\d\d(-\d\d){1,2}", row[column]) for row in landscape.rows(table))


def test_what_is_called_checked_has_a_source():
    for table in ("models", "licences", "video", "prices", "predictions"):
        for row in landscape.rows(table):
            assert row["verified"] in landscape.VERIFIED
            assert row["verified"] == "no" or row["source"] or row["url"], row
            assert not row["url"] or row["url"].startswith(("https://", "http://"))


def test_sources_are_in_the_bibliography():
    from pathlib import Path

    known = set(
        re.findall(r"^@\w+\{([^,]+),", (Path(__file__).parents[1] / "chapters" / "references.bib").read_text("utf8"), re.M)
    )
    for table in landscape.TABLES:
        for row in landscape.rows(table):
            assert set(row.get("source", "").split()) <= known, row


def test_counted_parameters_are_those_published():
    for shape in landscape.rows("shapes"):
        assert landscape.size_of(shape) == pytest.approx(shape["published"], rel=0.01), shape["name"]
    assert landscape.parameters(landscape.find("shapes", "SmolLM2-135M")) == 134_515_008


def test_counting_agrees_with_transformers():
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    for name, family in (("Llama 2 7B", "llama"), ("Mixtral 8x7B", "mixtral"), ("Phi-3-mini", "phi3")):
        with torch.device("meta"):
            net = AutoModelForCausalLM.from_config(AutoConfig.for_model(family))
        assert landscape.parameters(landscape.find("shapes", name)) == net.num_parameters()


def test_the_cache_of_shared_keys_and_of_latent_attention():
    assert landscape.cache_per_token(landscape.find("shapes", "Llama 2 70B")) == 80 * 2 * 8 * 128
    assert 2 * landscape.cache_per_token(landscape.find("shapes", "DeepSeek-V3")) == 70_272
    with pytest.raises(ValueError, match="compresses keys and values"):
        landscape.parameters(landscape.find("shapes", "DeepSeek-V3"))


def test_memory_and_machines():
    shape = landscape.find("shapes", "LLaMA 13B")
    weights, cache = landscape.memory(shape, 16, tokens=2048)
    assert weights == 2 * landscape.parameters(shape) and cache == 2 * 2048 * 40 * 2 * 5120
    assert "V100, 32 GB" in landscape.fits(weights + cache) and "V100, 16 GB" not in landscape.fits(weights + cache)
    assert landscape.fits(9e9, [{"name": "ten", "gigabytes": 10}]) == ["ten"]
    assert landscape.fits(9.1e9, [{"name": "ten", "gigabytes": 10}]) == []
    with pytest.raises(ValueError, match="must be positive"):
        landscape.memory(shape, 0)


def test_cost():
    price = {"model": "x", "input": 2.0, "cached": 0.5, "output": 10.0}
    assert landscape.cost(price, 1e6) == 2.0
    assert landscape.cost(price, 1e6, 1e5, 4e5) == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.1 * 10)
    assert landscape.cost(price | {"cached": None}, 1e6, 0, 1e6) == 2.0
    with pytest.raises(ValueError, match="cannot come from a cache"):
        landscape.cost(price, 10, 0, 11)
    with pytest.raises(ValueError, match="negative"):
        landscape.cost(price, -1)
    with pytest.raises(ValueError, match="no price is known"):
        landscape.cost(price | {"output": None}, 10, 1)


def test_what_is_not_there_is_named():
    with pytest.raises(ValueError, match="no table 'planets': there are models"):
        landscape.rows("planets")
    with pytest.raises(LookupError, match="no 'GPT-9' in the table 'shapes'"):
        landscape.find("shapes", "GPT-9")


def test_a_row_may_be_changed_without_changing_the_table():
    landscape.rows("prices")[0]["input"] = -1
    assert landscape.rows("prices")[0]["input"] > 0
