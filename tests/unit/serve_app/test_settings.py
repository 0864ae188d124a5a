"""Settings are closed: what is not known is refused, with its place."""

import pytest
from pydantic import ValidationError

from serve_app.settings import Settings


@pytest.mark.parametrize(
    "content",
    [
        {"lipsnyc": {}},
        {"lipsync": {"engin": "auto"}},
        {"storage": {"kind": "minio", "rot": "x"}},
        {"speech": {"voices": {"emma": {"engine": "hibari"}}}},
        {"speech": {"voices": {"default": {"engine": "espeak"}}}},
        {"video": {"fps": 1000}},
    ],
)
def test_a_setting_that_is_unknown_or_out_of_range_is_refused(content):
    with pytest.raises(ValidationError):
        Settings.model_validate(content)


def test_without_settings_everything_has_a_default():
    assert Settings().speech.voices["default"].engine == "hibari"
