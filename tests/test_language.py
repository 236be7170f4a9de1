"""The guess of a language: right where it speaks, and silent where it cannot know."""

import pytest

from guard.language import LANGUAGES, guess

TEXTS = {
    "en": "The meeting is at noon, and you have to be there with all of the papers.",
    "de": "Die Sitzung ist um zwölf, und Sie sollten mit allen Unterlagen dort sein.",
    "fr": "La réunion est à midi et vous devez venir avec les documents dans une chemise.",
    "es": "La reunión es al mediodía y hay que llegar con los papeles en una carpeta.",
    "it": "La riunione è a mezzogiorno e si deve venire con i documenti che sono nella cartella.",
    "pt": "A reunião é ao meio-dia e você deve vir com os papéis em uma pasta que não é sua.",
    "nl": "De vergadering is om twaalf uur en je moet er zijn met het hele dossier van de klant.",
    "sv": "Mötet är klockan tolv och det är inte långt, men vi ska ha med oss alla papper.",
    "pl": "Spotkanie jest w południe i nie ma na nie czasu, ale to się da zrobić do jutra.",
    "tr": "Toplantı öğlen ve bu belgeler için bir dosya çok daha iyi olan gibi.",
    "id": "Rapat itu pada siang hari dan anda tidak bisa datang karena ada urusan yang lain.",
    "ro": "Întâlnirea este la prânz și nu sunt documente care să fie pentru toți.",
    "ru": "Встреча в полдень, приходите вовремя.",
    "zh": "会议在中午，请准时参加。",
    "ja": "会議は正午です。時間どおりに来てください。",
    "ko": "회의는 정오에 있으니 시간에 맞춰 오세요.",
    "ar": "الاجتماع في منتصف النهار، من فضلك احضر في الموعد.",
    "he": "הפגישה בצהריים, נא להגיע בזמן.",
    "el": "Η συνάντηση είναι το μεσημέρι.",
    "hi": "बैठक दोपहर में है, समय पर आइए।",
    "th": "การประชุมเวลาเที่ยง กรุณามาให้ตรงเวลา",
}


@pytest.mark.parametrize("code", TEXTS)
def test_a_plain_sentence_is_known(code: str) -> None:
    assert guess(TEXTS[code]) == code
    assert code in LANGUAGES


@pytest.mark.parametrize(
    "text", ["", "OK", "42 %", "Ada Lovelace", "x = y + 1", "Рим", "la la la", "🙂" * 9]
)
def test_what_cannot_be_told_is_not_guessed(text: str) -> None:
    assert guess(text) == ""


def test_a_foreign_name_does_not_change_the_language() -> None:
    assert guess(TEXTS["en"] + " It was in 東京.") == "en"
    assert guess("The word 愛 is the one that they have in mind.") == "en"
