"""Words and their stems, by language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.search.analysis import LANGUAGES, LONGEST_WORD, language_of, stem, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Xerox 006R90321 toner, 1.83 GHz", ["xerox", "006r90321", "toner", "1.83", "ghz"]),
        ("Men's T-Shirt", ["men", "t", "shirt"]),
        ("the boys’ book", ["the", "boys", "book"]),
        ("Intel® Core™2 Duo<br />(2M Cache)", ["intel", "coretm2", "duo", "2m", "cache"]),
        ("a_b  ﬁlm STRASSE Straße", ["a", "b", "film", "strasse", "strasse"]),
        ("مرحبا 👟 \x00 '", ["مرحبا"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_of_any_text_are_bounded_and_the_same_when_read_again(text: str) -> None:
    words = words_of(text)
    assert all(0 < len(word) <= LONGEST_WORD for word in words)
    assert words_of(" ".join(words)) == words


@pytest.mark.parametrize(
    ("locale", "language"),
    [(None, "english"), ("en-GB", "english"), ("de", "german"), ("pt_BR", "portuguese"), ("ja-JP", ""), ("?", "")],
)
def test_a_locale_says_the_language(locale: str | None, language: str) -> None:
    assert language_of(locale) == language


@pytest.mark.parametrize(
    ("locale", "one", "other"),
    [
        ("en", "batteries", "battery"),
        ("de", "häuser", "haus"),
        ("fr", "cafetières", "cafetiere"),
        ("es", "zapatillas", "zapatilla"),
        ("it", "scarpe", "scarpa"),
        ("nl", "schoenen", "schoen"),
        ("sv", "klockor", "klocka"),
        ("pl", "żółty", "zolty"),
        ("ja", "café", "cafe"),
    ],
)
def test_forms_of_a_word_have_one_stem(locale: str, one: str, other: str) -> None:
    assert stem(one, language_of(locale)) == stem(other, language_of(locale))


def test_words_with_digits_are_names_and_stay_as_they_are() -> None:
    assert stem("ps4s", "english") == "ps4s"


@pytest.mark.parametrize("language", sorted(set(LANGUAGES.values())))
def test_each_language_is_known_to_the_stemmer(language: str) -> None:
    assert stem("abc", language)
