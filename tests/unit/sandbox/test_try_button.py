"""The *Try it* button: it runs the right line of a message, and only against the sandbox's own node."""

from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox.curl_runner import _query
from bot.sandbox.page.try_button import curl_line, try_line
from bot.sandbox.workspace import SlackMessage
from bot.sandbox.workspace.model import Version

LINE = "curl -u 'es-access-x:secret' 'http://127.0.0.1:9200/logs-*/_search?size=1'"


def blocks(*lines: str) -> tuple[dict[str, Any], ...]:
    parts = [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": line}]} for line in lines]
    return ({"type": "rich_text", "block_id": "b", "elements": parts}, {"type": "divider", "block_id": "d"})


def message(*lines: str) -> SlackMessage:
    return SlackMessage("D1", "1.000001", "U1", "", blocks(*lines))


def test_the_line_is_found_while_it_stands_there_and_after_an_edit_took_it_out() -> None:
    assert curl_line(message(LINE)) == LINE
    ended = replace(
        message("DELETE /_security/user/x"), history=(Version("", blocks("curl old")), Version("", blocks(LINE)))
    )
    assert curl_line(ended) == LINE, "the last one that stood there"
    assert curl_line(message("DELETE /_security/user/x")) is None


@pytest.mark.parametrize("elsewhere", ["http://127.0.0.1:9201", "http://127.0.0.1:920", "https://127.0.0.1:9200"])
def test_a_line_that_leads_elsewhere_is_not_run(elsewhere: str) -> None:
    with pytest.raises(ValueError, match="another cluster than the sandbox's own"):
        try_line(LINE, elsewhere)


def test_a_node_that_does_not_answer_is_said() -> None:
    line = LINE.replace("9200", "1")
    answer = try_line(line, "http://127.0.0.1:1")
    assert (answer["line"], answer["status"]) == (line, 0)
    assert answer["answer"].startswith("Elasticsearch does not answer")


def test_both_kinds_of_credential_become_the_same_request() -> None:
    by_password = _query(LINE)
    assert by_password.get_header("Authorization") == "Basic ZXMtYWNjZXNzLXg6c2VjcmV0"
    by_key = _query("curl -H 'Authorization: ApiKey a2V5' 'http://127.0.0.1:9200/logs-*/_search?size=1'")
    assert by_key.get_header("Authorization") == "ApiKey a2V5"
    assert by_key.full_url == by_password.full_url
    with pytest.raises(ValueError, match="not a line that was shown"):
        _query("curl -H 'X-Other: 1' 'http://127.0.0.1:9200/'")
