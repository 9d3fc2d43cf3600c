"""Fifty commands as new users type them, and the part of each answer that has to be there."""

from tests.scenario.test_form import shows
from tests.stage import Opened, Stage

FILED = "is filed: "

ANSWERED: dict[str, str] = {
    "logs-* 1 hour to look at errors": "read on logs-* in elasticsearch for 1h",
    "logs-app,logs-web 45 mins": "read on logs-app, logs-web in elasticsearch for 45m",
    "logs-web and metrics-cpu for 2h": "read on logs-web, metrics-cpu in elasticsearch for 2h",
    "logs-web 1h for INC-1234": "Reason: for INC-1234",
    "logs-web 1h? ": "for 1h",
    "Read access to logs-web for half an hour because INC-42": "for 30m",
    "`logs-web` for `1h`": "read on logs-web in elasticsearch for 1h",
    "“logs-web” 1.5h": "for 1h30m",
    "/es-access logs-web 90min": "for 1h30m",
    "logs-web 1h \u2014key": "as an API key",
    "logs-web 1h write access because INC-42": "write on logs-web in elasticsearch for 1h",
    "logs-web 1h reason: INC-42": "Reason: INC-42",
    "<http://metrics-cpu|metrics-cpu> 1h": "read on metrics-cpu in elasticsearch for 1h",
    "logs-web 1h see https://tickets.example.com/1": "Reason: see https://tickets.example.com/1",
    "logs-web 1h :pray:": "Reason: :pray:",
    "logs-web\u00a01\u00a0h": "for 1h",
}
"""Filed as meant."""

REFUSED: dict[str, tuple[str, str]] = {
    "I'd like read access to logs-web for 2 hours please": ("has no spaces", "/es-access logs-web 2h read"),
    "logs-web for a couple of hours": ("“a couple of hours” is not a duration", "/es-access logs-web 1h"),
    "logs-web 60": ("it has no unit", "/es-access logs-web 1h"),
    "LOGS-WEB 1h": ("Did you mean logs-web?", "/es-access "),
    "index:logs-web 1h": ("without their names", "/es-access logs-* 1h read fixing INC-42"),
    "log-web 2h write fixing INC-42": ("Did you mean logs-web", "/es-access logs-web 2h write fixing INC-42"),
    "everything 1h": ("matches nothing", "/es-access resources"),
    "metrics-cpu 1h for @dave": ("write --for", "/es-access metrics-cpu 1h --for @dave"),
    "metrics-cpu 1h on behalf of dave": ("write --for", "/es-access metrics-cpu 1h --for @dave"),
    "metrics-cpu --for 1h": ("is not a person", "/es-access logs-* 1h"),
    "metrics-cpu 1h --for @nobody": ("nobody of that name", "--for ada@example.com"),
    "metrics-cpu 1h with an api key": ("write --key", "/es-access metrics-cpu 1h --key"),
    "metrics-cpu 1h emergency": ("write --break-glass", "/es-access metrics-cpu 1h --break-glass the site is down"),
    "metrics-cpu 1h readwrite fixing": ("“readwrite” is not a permission", "/es-access metrics-cpu 1h read"),
    "metrics-cpu 1h starting tomorrow": ("Access begins when it is approved", "1h read starting tomorrow"),
    "metrics-cpu 1h logs-*": ("All patterns come before", "/es-access metrics-cpu,logs-* 1h"),
    "metrics-cpu 1h --cluster": ("Say which cluster", "/es-access logs-* 1h --cluster elasticsearch"),
    "logs-{web,app} 1h": ("Braces are not read", "/es-access logs-web,logs-app 1h"),
    ":wave: 1h": ("is an emoji", "/es-access logs-* 1h"),
    "GET logs-web/_search 1h": ("has no spaces", "/es-access logs-* 1h"),
    "https://kibana.example.com 1h": ("is a link", "/es-access logs-* 1h"),
    "my requests": ("Did you mean list?", "/es-access list"),
    "pending": ("Did you mean list?", "/es-access list"),
    "what can I ask for": ("Did you mean help?", "/es-access help"),
    "approve REQ-7K3F9Q": ("Owners decide with the buttons", "/es-access help"),
    "aprove": ("Owners decide with the buttons", "/es-access help"),
    "revoke all": ("“all” is not a request id", "/es-access revoke REQ-7K3F9Q"),
    "reset my password": ("is not a request id", "/es-access reset REQ-7K3F9Q"),
    "explain logs-web": ("Say for how long", "/es-access explain logs-web 1h"),
    "explain log-web 1h": ("Did you mean logs-web", "/es-access explain logs-web 1h"),
    "extend REQ-7K3F9Q until 17:00": ("is not a duration", "/es-access extend REQ-7K3F9Q 1h"),
}
"""Refused, with an example."""


def test_fifty_commands_of_new_users_are_filed_as_meant_or_refused_with_an_example(quiet_stage: Stage) -> None:
    stage = quiet_stage
    for typed, (wrong, example) in REFUSED.items():
        answer = stage.say(stage.alice, typed)
        assert wrong in answer, f"{typed}: {answer}"
        assert example in answer, f"{typed}: {answer}"
        assert len(answer) < 400, answer
    assert "not asked for anything yet" in stage.say(stage.alice, "list")
    for typed, right in ANSWERED.items():
        answer = stage.say(stage.alice, f"{typed} --again")
        assert FILED in answer, f"{typed}: {answer}"
        assert right in answer, f"{typed}: {answer}"
    for typed in ("?", "help extend", "logs-* 1h --help"):
        assert "Ask for temporary access" in stage.say(stage.alice, typed)
    assert "metrics-cpu" in stage.say(stage.alice, "resources *-cpu")


def test_an_end_is_read_in_the_time_zone_of_the_person(quiet_stage: Stage) -> None:
    stage = quiet_stage
    answer = stage.say(stage.alice, "logs-web until tomorrow 09:00 fixing INC-42")
    assert f"09:00 tomorrow ({stage.alice.tz}) is " in answer
    assert "The time counts from the approval" in answer
    assert "Reason: fixing INC-42" in answer


def test_words_behind_the_duration_of_an_extension_are_its_reason(quiet_stage: Stage) -> None:
    stage = quiet_stage
    request, _ = stage.granted("logs-web 1h read fixing INC-42")
    assert "Reason: still at it" in stage.say(stage.alice, f"extend `{request}`. 1 hour more still at it")


def test_a_permission_alone_opens_the_form_with_it(quiet_stage: Stage) -> None:
    quiet_stage.workspace.command(quiet_stage.alice, "/es-access", "write")
    shows(quiet_stage, "Say which indices you need.", "Permission: [ write")


def test_a_flow_says_in_words_which_reason_it_wants(with_flows: Opened) -> None:
    stage = with_flows("""
  - name: ticketed
    owners: integration
    reason: required
    reason_pattern: "CHG[0-9]{7}"
    reason_hint: The number of a change, such as CHG0031234
""")
    answer = stage.say(stage.alice, "logs-* 1h because")
    assert "needs a reason: The number of a change, such as CHG0031234" in answer
    assert "/es-access logs-* 1h read fixing CHG0031234" in answer
    assert "[0-9]" not in answer
    stage.workspace.command(stage.alice, "/es-access", "logs-* 1h")
    form = shows(stage, "The number of a change, such as CHG0031234", "Matches now")
    assert "[0-9]" not in form
    assert FILED in stage.say(stage.alice, "logs-* 1h read fixing CHG0031234")
