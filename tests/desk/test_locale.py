"""Every word that people see is there in both languages, and the catalogue is the one that the fragments make."""

from davylamp.desk.locale import build


def test_every_message_has_its_chinese():
    assert build.missing() == {}


def test_the_catalogue_is_the_one_that_the_fragments_make():
    for name, data in build.written().items():
        assert (build.TARGET / name).read_bytes() == data, "run python -m davylamp.desk.locale.build"


def test_messages_are_found_in_code_and_in_templates():
    found = {build.key_of(m) for _name, m in build.messages()}
    assert {"Chain of attribution", "there is no such item", "%(count)d day"} <= found
    assert "mining machines were bought for it or hidden" in found  # of a shipped table
