"""The shipped word vectors: what the published file says, found again by word and by direction; errors that help."""

import math

import pytest
import torch

from lmkit import glove
from lmkit.glove import Vectors


@pytest.fixture(scope="module")
def vectors():
    return glove.load()


SMALL = Vectors(["east", "north", "north-east", "far east"], torch.tensor([[1.0, 0], [0, 1], [1, 1], [9, 0]]))


class TestShipped:
    def test_the_most_frequent_words_and_their_vectors(self, vectors):
        assert len(vectors) == glove.WORDS and vectors.matrix.shape == (glove.WORDS, glove.WIDTH)
        assert vectors.matrix.dtype == torch.float32 and vectors.matrix.isfinite().all()
        assert vectors.words[:5] == ["the", ",", ".", "of", "to"]  # sorted by frequency, nothing filtered

    def test_the_numbers_are_those_of_the_published_file(self, vectors):
        published = {"the": [0.418, 0.24968, -0.41242, 0.1217, 0.34527], "king": [0.50451, 0.68607, -0.59517]}
        for word, numbers in published.items():
            assert vectors.vector(word)[: len(numbers)].tolist() == pytest.approx(numbers, rel=1e-3)

    def test_the_rounding_is_that_of_float16(self, vectors):
        assert torch.equal(vectors.matrix, vectors.matrix.half().float())

    def test_the_famous_analogy(self, vectors):
        target = vectors.vector("king") - vectors.vector("man") + vectors.vector("woman")
        assert [word for word, _ in vectors.nearest(target, 2)] == ["king", "queen"]
        assert vectors.nearest(target, 1, exclude=["king", "man", "woman"])[0][0] == "queen"

    def test_the_file_is_small(self):
        assert glove.FILE.stat().st_size < 3e6


class TestNearest:
    def test_cosines_from_the_largest_down(self):
        found = SMALL.nearest(torch.tensor([2.0, 0]), 4)
        assert {word for word, _ in found[:2]} == {"east", "far east"}
        assert [cosine for _, cosine in found] == pytest.approx([1, 1, math.sqrt(0.5), 0], abs=1e-6)

    def test_a_word_is_not_its_own_neighbour(self):
        assert "east" not in dict(SMALL.nearest("east", 4)) and len(SMALL.nearest("east", 4)) == 3

    def test_words_can_be_left_out(self):
        assert [w for w, _ in SMALL.nearest("east", 4, exclude=["far east", "north", "north"])] == ["north-east"]

    @pytest.mark.parametrize("of", [torch.zeros(2), torch.ones(3), torch.ones(1, 2)], ids=["zeros", "length", "matrix"])
    def test_a_vector_must_have_a_direction_and_the_right_length(self, of):
        with pytest.raises(ValueError, match="2 numbers that are not all 0"):
            SMALL.nearest(of)

    def test_at_least_one(self):
        with pytest.raises(ValueError, match="at least 1; got 0"):
            SMALL.nearest("east", 0)


class TestWords:
    @pytest.mark.parametrize(
        ("word", "said"),
        [("Paris", "Near it: paris"), ("resturant", "restaurant"), ("男人", "English, in small letters"), (3, "got int")],
        ids=["capital", "spelling", "Chinese", "number"],
    )
    def test_an_unknown_word_is_named_with_its_neighbours_in_spelling(self, vectors, word, said):
        for ask in (vectors.vector, vectors.row):
            with pytest.raises(LookupError, match=said):
                ask(word)
        assert word not in vectors

    def test_rows_and_words_belong_together(self):
        assert SMALL.row("north") == 1 and "north" in SMALL and repr(SMALL).startswith("Vectors(4 words × 2")
        with pytest.raises(ValueError, match="3 words need a matrix of as many rows"):
            Vectors(["a", "b", "c"], torch.zeros(2, 2))
        with pytest.raises(ValueError, match="'a' stands there twice"):
            Vectors(["a", "b", "a"], torch.zeros(3, 2))


def test_another_wheel_is_refused(tmp_path):
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(b"not the wheel")
    with pytest.raises(ValueError, match="not the pinned wheel"):
        glove.whole(wheel)
