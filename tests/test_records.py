"""Records keep what was asked, with what made it, and say clearly when something is not there."""

import pytest

from lmkit import records


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    return tmp_path


def test_a_record_is_read_as_it_was_written(folder):
    rows = [{"item": 0, "prompt": "零样本", "answer": '</script> "x"\n'}, {"item": 1, "prompt": "one", "answer": ""}]
    record = records.Record("trial", {"model": "m", "seed": 0}, rows)
    records.save(record)
    assert records.load("trial") == record
    assert len((folder / "trial.json").read_text(encoding="utf8").splitlines()) == 5  # a line for each row
    assert records.load("trial").where(prompt="one") == rows[1:]
    assert repr(record) == "trial: 2 answers · model m · seed 0"


def test_what_is_not_there_is_named(folder):
    with pytest.raises(LookupError, match=r"no record 'trial'.*none yet.*make records"):
        records.load("trial")
    record = records.Record("trial", {}, [{"prompt": "one"}])
    with pytest.raises(LookupError, match=r"no row with .*'two'.*'one'"):
        record.where(prompt="two")
