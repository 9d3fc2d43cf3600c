"""Typed commands and how they are read. Each refusal shows an example that is accepted."""
# ruff: noqa: E501, RUF001

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.access.errors import InvalidRequest
from bot.access.requests.drafts import Draft
from bot.slack.command.command import Verb
from bot.slack.listeners.command_parser import parse
from tests.unit.slack.typed import PERMISSIONS, command_of, read_as

ROOT = Path(__file__).parents[3]


class No(NamedTuple):
    """A refusal: its message and its example."""

    message: str
    example: str


ROWS: list[tuple[str, str | No]] = [
    # --- options ---
    ('logs-* 1h --key', 'logs-* 1h read --key'),
    ('logs-* 1h \u2014key', 'logs-* 1h read --key'),
    ('logs-* 1h \u2013key', 'logs-* 1h read --key'),
    ('logs-* 1h --KEY', 'logs-* 1h read --key'),
    ('logs-* 1h \u2212\u2212key', 'logs-* 1h read --key'),
    ('logs-* 1h ---key', 'logs-* 1h read --key'),
    ('logs-* 1h \u2014-key', 'logs-* 1h read --key'),
    ('logs-* 1h --key,', 'logs-* 1h read --key'),
    ('--key logs-* 1h', 'logs-* 1h read --key'),
    ('logs-* --key 1h', 'logs-* 1h read --key'),
    ('logs-* 1h write --key fixing INC-42', 'logs-* 1h write fixing INC-42 --key'),
    ('logs-* 1h write fixing INC-42 --key', 'logs-* 1h write fixing INC-42 --key'),
    ('logs-* 1h --for=@ada', 'logs-* 1h read --for @ada'),
    ('logs-* 1h \u2014for=@ada fixing', 'logs-* 1h read fixing --for @ada'),
    ('--for @ada logs-* 1h', 'logs-* 1h read --for @ada'),
    ('logs-* 1h --cluster=prod', 'logs-* 1h read --cluster prod'),
    ('\u2014cluster=prod logs-* 1h', 'logs-* 1h read --cluster prod'),
    ('logs-* --cluster prod 1h', 'logs-* 1h read --cluster prod'),
    ('logs-* 1h --cluster "prod",', 'logs-* 1h read --cluster prod'),
    ('logs-* 1h --again --key', 'logs-* 1h read --key --again'),
    ('logs-* 1h --key --key', 'logs-* 1h read --key'),
    ('logs-* 1h --break-glass the site is down', 'logs-* 1h read the site is down --break-glass'),
    ('\u2014break-glass logs-* 1h the site is down', 'logs-* 1h read the site is down --break-glass'),
    ('logs-* 1h --brake-glass', No('“--brake-glass” is not an option. Did you mean --break-glass?', '/es-access logs-* 1h --break-glass the site is down')),
    ('logs-* 1h --brake-glass the site is down', No('“--brake-glass” is not an option. Did you mean --break-glass?', '/es-access logs-* 1h --break-glass the site is down')),
    ('logs-* 1h \u2014brake-glass the site is down', No('\u201c\u2014brake-glass\u201d is not an option. Did you mean --break-glass?', '/es-access logs-* 1h --break-glass the site is down')),
    ('logs-* 1h --kye', No('“--kye” is not an option. Did you mean --key?', '/es-access logs-* 1h --key')),
    ('logs-* 1h -key', No('“-key” needs two dashes: --key.', '/es-access logs-* 1h --key')),
    ('logs-* 1h -cluster prod', No('“-cluster” needs two dashes: --cluster.', '/es-access logs-* 1h --cluster NAME')),
    ('logs-* 1h key', No('If you mean the option, write --key.', '/es-access logs-* 1h --key')),
    ('logs-* 1h again', No('If you mean the option, write --again.', '/es-access logs-* 1h --again')),
    ('logs-* 1h --key=yes', No('--key takes no value: write it alone, or leave it out.', '/es-access logs-* 1h --key')),
    ('logs-* 1h --reason fixing INC-42', No('“--reason” is not an option. The reason comes last, without an option.', '/es-access logs-* 1h read fixing INC-42')),
    ('logs-* --duration=1h', No('“--duration=1h” is not an option. The duration comes after the pattern, without an option.', '/es-access logs-* 1h')),
    ('logs-* 1h --write', No('“--write” is not an option. The permission comes after the duration, without an option.', '/es-access logs-* 1h write')),
    ('logs-* 1h --user ada', No('“--user” is not an option. Did you mean --for?', '/es-access logs-* 1h --for ada@example.com')),
    ('logs-* 1h --apikey', No('“--apikey” is not an option. Did you mean --key?', '/es-access logs-* 1h --key')),
    ('logs-* 1h --zzz', No('“--zzz” is not an option. The options are --own, --password, --key, --break-glass, --again, --cluster, --for.', '/es-access logs-* 1h --key')),
    ('logs-* --for 1h', No('“1h” is not a person: --for names for whom. A duration needs no option.', '/es-access logs-* 1h')),
    ('logs-* 1h --for', No('Say for whom after --for.', '/es-access logs-* 1h --for ada@example.com')),
    ('logs-* 1h --for --key', No('Say for whom after --for.', '/es-access logs-* 1h --for ada@example.com')),
    ('logs-* 1h --cluster --key', No('Say which cluster after --cluster.', '/es-access logs-* 1h --cluster NAME')),
    ('logs-* 1h --cluster=', No('Say which cluster after --cluster.', '/es-access logs-* 1h --cluster NAME')),
    ('logs-* 1h --cluster a --cluster b', No('--cluster stands there twice, with different values.', '/es-access logs-* 1h --cluster NAME')),
    ('logs-* 1h --for @ada --for @bob', No('--for stands there twice, with different values.', '/es-access logs-* 1h --for ada@example.com')),
    ('logs-* 1h --for "Ada Lovelace', No('Put the whole name between quotation marks, after --for.', '/es-access logs-* 1h --for "Ada Lovelace"')),
    ('--key', 'form Say which indices you need. --key'),
    ('--key 1h', 'form 1h Say which indices you need. --key'),
    # --- durations ---
    ('logs-* 1h', 'logs-* 1h read'),
    ('logs-* 1 hour', 'logs-* 1h read'),
    ('logs-* 90min', 'logs-* 1h30m read'),
    ('logs-* 90 minutes', 'logs-* 1h30m read'),
    ('logs-* an hour', 'logs-* 1h read'),
    ('logs-* half an hour', 'logs-* 30m read'),
    ('logs-* for half an hour', 'logs-* 30m read'),
    ('logs-* 1h30', 'logs-* 1h30m read'),
    ('logs-* 1h 30m', 'logs-* 1h30m read'),
    ('logs-* 1h 30m fixing INC-42', 'logs-* 1h30m read fixing INC-42'),
    ('logs-* 1.5h', 'logs-* 1h30m read'),
    ('logs-* 1,5h', 'logs-* 1h30m read'),
    ('logs-* 2 days', 'logs-* 2d read'),
    ('logs-* a week', 'logs-* 7d read'),
    ('logs-* for 2h', 'logs-* 2h read'),
    ('logs-* for the next 2 hours', 'logs-* 2h read'),
    ('logs-* for about an hour', 'logs-* 1h read'),
    ('logs-* ~1h', 'logs-* 1h read'),
    ('logs-* 1H', 'logs-* 1H read'),
    ('logs-* 1h.', 'logs-* 1h read'),
    ('logs-* 1h, fixing INC-42', 'logs-* 1h read fixing INC-42'),
    ('logs-* 1h: fixing INC-42', 'logs-* 1h read fixing INC-42'),
    ('logs-* (1h)', 'logs-* 1h read'),
    ('logs-* \u0661h', 'logs-* 1h read'),
    ('logs-* \uff11\uff48', 'logs-* 1h read'),
    ('logs-* \u096a\u096b min', 'logs-* 45m read'),
    ('logs-* \xbd hour', 'logs-* 30m read'),
    ('logs-* 1h 30 servers are down', 'logs-* 1h read 30 servers are down'),
    ('logs-* -1h', No('“-1h” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* \u22121h', No('“−1h” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* 0h', No('“0h” is too short: the shortest access is 1m.', '/es-access logs-* 1h')),
    ('logs-* 30s', No('“30s” is too short: the shortest access is 1m.', '/es-access logs-* 1h')),
    ('logs-* 99999d', No('“99999d” is too long: the longest access is 7d.', '/es-access logs-* 1h')),
    ('logs-* 9999999999999999h', No('“416666666666666d15h” is too long: the longest access is 7d.', '/es-access logs-* 1h')),
    ('logs-* 8d', No('“8d” is too long: the longest access is 7d.', '/es-access logs-* 1h')),
    ('logs-* 30', No('“30” is not a duration: it has no unit. Write minutes like 30m, hours like 1h, days like 1d.', '/es-access logs-* 1h')),
    ('logs-* 1', No('“1” is not a duration: it has no unit. Write minutes like 30m, hours like 1h, days like 1d.', '/es-access logs-* 1h')),
    ('logs-* 1x', No('“1x” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* 1month', No('“1month” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* abc', No('“abc” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* 01:30', No('“01:30” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* 1h-2h', No('“1h-2h” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* 1e3h', No('“1e3h” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* forever', No('“forever” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* 1h 1h', No('There are two durations. If the second belongs to your reason, write a permission before it.', '/es-access logs-* 1h read 1h')),
    ('logs-* 1h 2h', No('There are two durations. If the second belongs to your reason, write a permission before it.', '/es-access logs-* 1h read 2h')),
    ('logs-* 1h for 2h', No('There are two durations. If the second belongs to your reason, write a permission before it.', '/es-access logs-* 1h read for 2h')),
    ('logs-* 1h 2h outage', No('There are two durations. If the second belongs to your reason, write a permission before it.', '/es-access logs-* 1h read 2h outage')),
    ('logs-* 2h outage lasted 1h', 'logs-* 2h read outage lasted 1h'),
    ('logs-* 1h read 2h outage', 'logs-* 1h read 2h outage'),
    ('1h', 'form 1h Say which indices you need.'),
    ('for 1h', 'form 1h Say which indices you need.'),
    ('1h logs-*', No('The pattern comes first, then the duration.', '/es-access logs-* 1h')),
    ('for 1h logs-*', No('The pattern comes first, then the duration.', '/es-access logs-* 1h')),
    ('2 hours logs-*', No('The pattern comes first, then the duration.', '/es-access logs-* 2h')),
    ('1h 2h', '1h 2h read'),
    ('1h 30m', 'form 1h30m Say which indices you need.'),
    ('1h,2h 3h', '1h,2h 3h read'),
    ('explain 1h logs-*', No('The pattern comes first, then the duration.', '/es-access explain logs-* 1h')),
    # --- ends ---
    ('logs-app-* until 17:00', 'logs-app-* 2h12m read (17:00 today (Europe/Berlin) is 2h12m from now)'),
    ('logs-app-* until 5pm', 'logs-app-* 2h12m read (17:00 today (Europe/Berlin) is 2h12m from now)'),
    ('logs-app-* till 5 pm fixing INC-42', 'logs-app-* 2h12m read fixing INC-42 (17:00 today (Europe/Berlin) is 2h12m from now)'),
    ('logs-app-* until 17:00 write fixing', 'logs-app-* 2h12m write fixing (17:00 today (Europe/Berlin) is 2h12m from now)'),
    ('logs-app-* until 13:00', 'logs-app-* 22h12m read (13:00 tomorrow (Europe/Berlin) is 22h12m from now)'),
    ('logs-app-* until 17:00 today', 'logs-app-* 2h12m read (17:00 today (Europe/Berlin) is 2h12m from now)'),
    ('logs-app-* until today 17:00', 'logs-app-* 2h12m read (17:00 today (Europe/Berlin) is 2h12m from now)'),
    ('logs-app-* until tomorrow 09:00', 'logs-app-* 18h12m read (09:00 tomorrow (Europe/Berlin) is 18h12m from now)'),
    ('logs-app-* until 09:00 tomorrow write', 'logs-app-* 18h12m write (09:00 tomorrow (Europe/Berlin) is 18h12m from now)'),
    ('logs-app-* until noon', 'logs-app-* 21h12m read (12:00 tomorrow (Europe/Berlin) is 21h12m from now)'),
    ('logs-app-* until midnight', 'logs-app-* 9h12m read (00:00 tomorrow (Europe/Berlin) is 9h12m from now)'),
    ('logs-app-* until 17h', 'logs-app-* 2h12m read (17:00 today (Europe/Berlin) is 2h12m from now)'),
    ('logs-app-* until 17', 'logs-app-* 2h12m read (17:00 today (Europe/Berlin) is 2h12m from now)'),
    ('logs-app-* until 17:00 UTC', 'logs-app-* 3h12m read (17:00 today (UTC) is 3h12m from now)'),
    ('logs-app-* until 17:00 Europe/London fixing', 'logs-app-* 3h12m read fixing (17:00 today (Europe/London) is 3h12m from now)'),
    ('logs-app-* until 17:00 CET', No('I read times in your Slack time zone, in UTC, or in a zone like Europe/Paris.', '/es-access logs-app-* until 17:00')),
    ('logs-app-* until 5', No('Is “5” in the morning or the afternoon? Write 05:00 or 17:00.', '/es-access logs-app-* until 17:00')),
    ('logs-app-* until 5:00', No('Is “5:00” in the morning or the afternoon? Write 05:00 or 17:00.', '/es-access logs-app-* until 17:00')),
    ('logs-app-* until 25:00', No('“25:00” is not a time of the day.', '/es-access logs-app-* until 17:00')),
    ('logs-app-* until 13:00 today', No('It is after 13:00 today, where you are.', '/es-access logs-app-* 1h')),
    ('logs-app-* until friday', No('“until” needs a time, of today or tomorrow. For a later end, write how long, such as 3d.', '/es-access logs-app-* until 17:00')),
    ('logs-app-* until', No('“until” needs a time, of today or tomorrow. For a later end, write how long, such as 3d.', '/es-access logs-app-* until 17:00')),
    ('logs-app-* until tomorrow', No('“until” needs a time, of today or tomorrow. For a later end, write how long, such as 3d.', '/es-access logs-app-* until tomorrow 09:00')),
    ('logs-app-* 1h until 17:00', No('There are two durations. If the second belongs to your reason, write a permission before it.', '/es-access logs-app-* 1h read until 17:00')),
    ('logs-app-* 1h for the audit until 17:00', 'logs-app-* 1h read for the audit until 17:00'),
    ('until 17:00 logs-app-*', No('The pattern comes first, then the end.', '/es-access logs-* until 17:00')),
    ('until 1h', No('The pattern comes first, then the end.', '/es-access logs-* until 17:00')),
    # --- patterns ---
    ('logs-*,metrics-* 1h', 'logs-*,metrics-* 1h read'),
    ('logs-*, metrics-* 1h', 'logs-*,metrics-* 1h read'),
    ('logs-* ,metrics-* 1h', 'logs-*,metrics-* 1h read'),
    ('logs-* , metrics-* 1h', 'logs-*,metrics-* 1h read'),
    ('logs-*;metrics-* 1h', 'logs-*,metrics-* 1h read'),
    ('logs-*|metrics-* 1h', 'logs-*,metrics-* 1h read'),
    ('logs-* and metrics-* 1h', 'logs-*,metrics-* 1h read'),
    ('logs-* and metrics-* for 2h', 'logs-*,metrics-* 2h read'),
    ('logs-*, metrics-* and traces-* 1h', 'logs-*,metrics-*,traces-* 1h read'),
    ('logs-* & metrics-* 1h', 'logs-*,metrics-* 1h read'),
    ('logs-* + metrics-* 1h', 'logs-*,metrics-* 1h read'),
    ('logs-*, 1h', 'logs-* 1h read'),
    ('logs-*,metrics-*, 1h', 'logs-*,metrics-* 1h read'),
    (',logs-* 1h', 'logs-* 1h read'),
    ('logs-*,, 1h', 'logs-* 1h read'),
    ('logs-*,logs-* 1h', 'logs-* 1h read'),
    ('logs-* metrics-* 1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-*,metrics-* 1h')),
    ('logs-*\nmetrics-*\n1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-*,metrics-* 1h')),
    ('logs-web logs-app 1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-web,logs-app 1h')),
    ('logs-* 1h metrics-*', No('All patterns come before the duration.', '/es-access logs-*,metrics-* 1h')),
    ('logs-* 1h and metrics-*', No('All patterns come before the duration.', '/es-access logs-*,metrics-* 1h')),
    ('logs-* 1h and metrics', No('All patterns come before the duration.', '/es-access logs-*,metrics 1h')),
    ('logs-* 1h except logs-secret-*', No('A request cannot leave names out: name what you need. If it is your reason, write a permission before it.', '/es-access logs-web-* 1h')),
    ('logs-* 1h but not logs-secret-*, logs-pay', No('A request cannot leave names out: name what you need. If it is your reason, write a permission before it.', '/es-access logs-web-* 1h')),
    ('logs-* 1h without logs-secret', No('A request cannot leave names out: name what you need. If it is your reason, write a permission before it.', '/es-access logs-web-* 1h')),
    ('logs-* 1h, metrics-*', No('All patterns come before the duration.', '/es-access logs-*,metrics-* 1h')),
    ('logs-web 1h\nmetrics-cpu 2h', No('Ask for one duration at a time.', '/es-access logs-web 1h')),
    ('logs-* or metrics-* 1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-*,metrics-* 1h')),
    ('logs-0,logs-1,logs-2,logs-3,logs-4,logs-5,logs-6,logs-7,logs-8,logs-9,logs-10,logs-11,logs-12,logs-13,logs-14,logs-15,logs-16,logs-17,logs-18,logs-19 1h', 'logs-0,logs-1,logs-2,logs-3,logs-4,logs-5,logs-6,logs-7,logs-8,logs-9,logs-10,logs-11,logs-12,logs-13,logs-14,logs-15,logs-16,logs-17,logs-18,logs-19 1h read'),
    ('logs-0,logs-1,logs-2,logs-3,logs-4,logs-5,logs-6,logs-7,logs-8,logs-9,logs-10,logs-11,logs-12,logs-13,logs-14,logs-15,logs-16,logs-17,logs-18,logs-19,logs-20 1h', No('21 patterns are too many: ask for at most 20 at once.', '/es-access logs-*,metrics-* 1h')),
    ('*  1h', '* 1h read'),
    ('_all 1h', No('I cannot give access to “_all”: write * for all indices.', '/es-access logs-*,metrics-* 1h')),
    ('-logs 1h', No('I cannot give access to “-logs”: nothing can be excluded. Name what you need instead.', '/es-access logs-*,metrics-* 1h')),
    ('/x.*/ 1h', No('I cannot give access to “/x.*/”: regular expressions are not read. Write a wildcard, like logs-*', '/es-access logs-*,metrics-* 1h')),
    ('<logs-{now/d}> 1h', No('I cannot give access to “<logs-{now/d}>”: date math is not read. Write the name or a wildcard, like logs-2026.11.*', '/es-access logs-*,metrics-* 1h')),
    ('.security* 1h', No("I cannot give access to “.security*”: it could match Elasticsearch's own security indices.", '/es-access logs-*,metrics-* 1h')),
    ('.alerts-* 1h', '.alerts-* 1h read'),
    ('.ds-logs-* 1h', No('I cannot give access to “.ds-logs-*”: it could match the indices behind data streams. Name the data stream, or write more of the name.', '/es-access logs-*,metrics-* 1h')),
    ('remote:logs-* 1h', No('I cannot give access to “remote:logs-*”: indices of another cluster cannot be named. Choose the cluster with --cluster NAME.', '/es-access logs-*,metrics-* 1h')),
    ('logs-? 1h', No('I cannot give access to “logs-?”: an index name has no ?.', '/es-access logs-*,metrics-* 1h')),
    ('logs-*/_search 1h', No('I cannot give access to “logs-*/_search”: an index name has no /.', '/es-access logs-*,metrics-* 1h')),
    ('logs-\U0001f525 1h', 'logs-\U0001f525 1h read'),
    ('l\u043egs-* 1h', 'l\u043egs-* 1h read'),
    ('logs\u2011* 1h', 'logs-* 1h read'),
    ('logs-\uff0a 1h', 'logs-* 1h read'),
    ('logs-*\uff0cmetrics-* 1h', 'logs-*,metrics-* 1h read'),
    ('logs-web', 'a form: logs-web read'),
    ('logs-*', 'a form: logs-* read'),
    ('logs-*, metrics-*', 'a form: logs-*,metrics-* read'),
    ('logs-* and metrics-*', 'a form: logs-*,metrics-* read'),
    (',', No('Say which indices you need, and for how long.', '/es-access logs-* 1h')),
    ('\u201c', No('Say which indices you need, and for how long.', '/es-access logs-* 1h')),
    ('2026 1h', '2026 1h read'),
    ('* 1h', '* 1h read'),
    ('\uff0a 1h', '* 1h read'),
    # --- pasted ---
    ('/es-access logs-* 1h', 'logs-* 1h read'),
    ('/es-access /es-access logs-* 1h', 'logs-* 1h read'),
    ('/ES-ACCESS logs-* 1h', 'logs-* 1h read'),
    ('es-access logs-* 1h', 'logs-* 1h read'),
    ('`/es-access logs-* 1h`', 'logs-* 1h read'),
    ('```/es-access logs-* 1h```', 'logs-* 1h read'),
    ('```\nlogs-* 1h fixing\n```', 'logs-* 1h read fixing'),
    ('> logs-* 1h', 'logs-* 1h read'),
    ('\u2022 logs-* 1h', 'logs-* 1h read'),
    ('$ /es-access logs-* 1h', 'logs-* 1h read'),
    ('can I have /es-access logs-* 1h', No('Write the command without other words before it.', '/es-access logs-* 1h')),
    ('Example: /es-access logs-* 1h', No('Write the command without other words before it.', '/es-access logs-* 1h')),
    ('logs-* 1h typed /es-access list', 'logs-* 1h read typed /es-access list'),
    ('`logs-*` 1h', 'logs-* 1h read'),
    ('`logs-*`, `metrics-*` 1h', 'logs-*,metrics-* 1h read'),
    ('\u201clogs-*\u201d 1h', 'logs-* 1h read'),
    ('"logs-*, metrics-*" 1h', 'logs-*,metrics-* 1h read'),
    ("'logs-*' 1h", 'logs-* 1h read'),
    ('\xablogs-*\xbb 1h', 'logs-* 1h read'),
    ('[logs-*] 1h', 'logs-* 1h read'),
    ('logs-*\xa01h', 'logs-* 1h read'),
    ('logs-*\u202f1\xa0h', 'logs-* 1h read'),
    ('logs-*\u200b 1h', 'logs-* 1h read'),
    ('\ufefflogs-* 1h', 'logs-* 1h read'),
    ('logs-* 1h \u200b', 'logs-* 1h read'),
    ('  logs-*   1h  ', 'logs-* 1h read'),
    ('logs-*\t1h', 'logs-* 1h read'),
    ('logs-* 1h\nfixing INC-42\nand more', 'logs-* 1h read fixing INC-42 and more'),
    ('<http://logs.x.com|logs.x.com> 1h', 'logs.x.com 1h read'),
    ('<https://logs.x.com/|logs.x.com> 1h', 'logs.x.com 1h read'),
    ('<https://kibana.x.com/app|Kibana> 1h', No('“<https://kibana.x.com/app|Kibana>” is a link, not the name of an index.', '/es-access logs-* 1h')),
    ('https://kibana.x.com/app 1h', No('“https://kibana.x.com/app” is a link, not the name of an index.', '/es-access logs-* 1h')),
    ('<https://kibana.x.com/app> 1h', No('“https://kibana.x.com/app” is a link, not the name of an index.', '/es-access logs-* 1h')),
    ('<mailto:ada@example.com|ada@example.com> 1h', 'ada@example.com 1h read'),
    ('logs-* 1h --for <mailto:ada@example.com|ada@example.com>', 'logs-* 1h read --for ada@example.com'),
    ('logs-* 1h --for <@U012ABCDEF|ada>', 'logs-* 1h read --for <@U012ABCDEF|ada>'),
    ('logs-* 1h see <https://jira.x.com/INC-42>', 'logs-* 1h read see https://jira.x.com/INC-42'),
    ('logs-* 1h https://jira.x.com/INC-42', 'logs-* 1h read https://jira.x.com/INC-42'),
    ('<#C012ABCDE|general> 1h', No('“<#C012ABCDE|general>” is a channel, not the name of an index.', '/es-access logs-* 1h')),
    ('<!here> 1h', No('“<!here>” is a mention, not the name of an index.', '/es-access logs-* 1h')),
    ('<@U012ABCDEF|ada> 1h', No('“<@U012ABCDEF|ada>” is a person, not the name of an index.', '/es-access logs-* 1h')),
    ('logs-* 1h <!here> please', 'logs-* 1h read <!here> please'),
    # --- permissions ---
    ('logs-* 1h write', 'logs-* 1h write'),
    ('logs-* 1h WRITE fixing', 'logs-* 1h write fixing'),
    ('logs-* 1h write: fixing', 'logs-* 1h write fixing'),
    ('logs-* write 1h fixing', 'logs-* 1h write fixing'),
    ('write logs-* 1h', 'logs-* 1h write'),
    ('read access to logs-* for 1h because', 'logs-* 1h read because'),
    ('logs-* write access for 1h', 'logs-* 1h write'),
    ('logs-* 1h with write access because', 'logs-* 1h write because'),
    ('logs-* 1h with care', 'logs-* 1h read with care'),
    ('logs-* write', 'a form: logs-* write'),
    ('write logs-*', 'a form: logs-* write'),
    ('read 1h', 'read 1h read'),
    ('read write 1h', 'write 1h read'),
    ('logs-* 1h read,write', No('A request has one permission: read, write, manage.', '/es-access logs-* 1h read')),
    ('logs-* 1h read and write', No('A request has one permission: read, write, manage.', '/es-access logs-* 1h read')),
    ('logs-* 1h read and understand', 'logs-* 1h read and understand'),
    ('logs-* 1h wirte fixing', No('“wirte” is not a permission. There is: read, write, manage. If it is your reason, write a permission before it.', '/es-access logs-* 1h write fixing')),
    ('logs-* 1h raed', No('“raed” is not a permission. There is: read, write, manage. If it is your reason, write a permission before it.', '/es-access logs-* 1h read')),
    ('logs-* 1h writ', No('“writ” is not a permission. There is: read, write, manage. If it is your reason, write a permission before it.', '/es-access logs-* 1h write')),
    ('logs-* 1h reading logs', 'logs-* 1h read reading logs'),
    ('logs-* 1h rewrite of the index', 'logs-* 1h read rewrite of the index'),
    ('logs-* 1h admin', No('“admin” is not a permission. There is: read, write, manage. If it is your reason, write a permission before it.', '/es-access logs-* 1h read')),
    ('logs-* 1h all', No('“all” is not a permission. There is: read, write, manage. If it is your reason, write a permission before it.', '/es-access logs-* 1h read')),
    ('logs-* 1h admin asked for it', 'logs-* 1h read admin asked for it'),
    ('logs-* 1h manage', 'logs-* 1h manage'),
    # --- reasons ---
    ('logs-* 1h fixing INC-42', 'logs-* 1h read fixing INC-42'),
    ('logs-* 1h inc-42', 'logs-* 1h read inc-42'),
    ('logs-* 1h because of the audit', 'logs-* 1h read because of the audit'),
    ('logs-* 1h for the audit', 'logs-* 1h read for the audit'),
    ('logs-* 1h and so on', 'logs-* 1h read and so on'),
    ('logs-* 1h up -- and down', 'logs-* 1h read up -- and down'),
    ('logs-* 1h the site is down \u2014urgent', 'logs-* 1h read the site is down \u2014urgent'),
    ('logs-* 1h *bold* _it_ `code` ~no~', 'logs-* 1h read *bold* _it_ `code` ~no~'),
    ('logs-* 1h \U0001f525 on fire', 'logs-* 1h read \U0001f525 on fire'),
    ('logs-* 1h :pray:', 'logs-* 1h read :pray:'),
    ('logs-* 1h --1 day', 'logs-* 1h read --1 day'),
    ('logs-* 1h <b>', 'logs-* 1h read <b>'),
    ('logs-* 1h &lt;b&gt; &amp; more', 'logs-* 1h read <b> & more'),
    ('logs-* 1h post-mortem of until yesterday', 'logs-* 1h read post-mortem of until yesterday'),
    ('logs-* fixing INC-42', No('“fixing” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* for debugging 1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-* 1h read for debugging')),
    ('logs-* debugging', No('“debugging” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    # --- sentences ---
    ('please give me access to logs-* for 1 hour', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-* 1h')),
    ('give me write on logs-* 2h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-* 2h write')),
    ('i need access to logs', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs 1h')),
    ('data forever', No('“forever” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access data 1h')),
    ('I need logs-* for 2h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-* 2h')),
    ('request logs-* 1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-* 1h')),
    ('can i get logs-* please', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-* 1h')),
    ('access to logs-*', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-* 1h')),
    ('hello', 'a form: hello read'),
    ('hi there', No('“there” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access hi 1h')),
    # --- help ---
    ('help', 'help'),
    ('HELP', 'help'),
    ('--help', 'help'),
    ('\u2014help', 'help'),
    ('-h', 'help'),
    ('?', 'help'),
    ('/help', 'help'),
    ('help me', 'help'),
    ('logs-* 1h --help', 'help'),
    ('status --help', 'help'),
    ('extend -h', 'help'),
    ('list ?', 'help'),
    ('help 1h', 'help 1h read'),
    # --- commands ---
    ('', 'form'),
    ('list', 'list'),
    ('LIST', 'list'),
    ('/list', 'list'),
    ('list all', 'list'),
    ('list 1h', 'list 1h read'),
    ('list read 1h', 'list 1h read'),
    ('list, logs-* 1h', 'list,logs-* 1h read'),
    ('list and logs-* 1h', 'list,logs-* 1h read'),
    ('list logs-* 1h', No('list shows your requests, and takes nothing else.', '/es-access list')),
    ('list --all', No('list shows your requests, and takes nothing else.', '/es-access list')),
    ('resources', 'resources'),
    ('Resources logs', 'resources logs'),
    ('resources "logs-*"', 'resources logs-*'),
    ('explain logs-* 1h', 'explain logs-* 1h read'),
    ('explain logs-* and metrics-* for 2h --key', 'explain logs-*,metrics-* 2h read --key'),
    ('explain', No('Say which indices you need, and for how long.', '/es-access explain logs-* 1h')),
    ('explain logs-* metrics-* 1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access explain logs-*,metrics-* 1h')),
    ('explain logs-* --brake-glass', No('“--brake-glass” is not an option. Did you mean --break-glass?', '/es-access explain logs-* 1h --break-glass the site is down')),
    ('explain 1h', No('Say which indices you need, before the duration.', '/es-access explain logs-* 1h')),
    ('EXPLAIN logs-*', 'explain logs-* read'),
    # --- ids ---
    ('status REQ-7K3F9Q', 'status REQ-7K3F9Q'),
    ('Status req-7k3f9q', 'status REQ-7K3F9Q'),
    ('status 7K3F9Q', 'status REQ-7K3F9Q'),
    ('status `REQ-7K3F9Q`', 'status REQ-7K3F9Q'),
    ('status REQ-7K3F9Q.', 'status REQ-7K3F9Q'),
    ('status \u201cREQ-7K3F9Q\u201d,', 'status REQ-7K3F9Q'),
    ('status (REQ-7K3F9Q)', 'status REQ-7K3F9Q'),
    ('status #REQ-7K3F9Q', 'status REQ-7K3F9Q'),
    ('status: REQ-7K3F9Q', 'status REQ-7K3F9Q'),
    ('status req 7K3F9Q', 'status REQ-7K3F9Q'),
    ('status request REQ-7K3F9Q please', 'status REQ-7K3F9Q'),
    ('cancel my request REQ-7K3F9Q', 'cancel REQ-7K3F9Q'),
    ('status', No('Say which request you mean. /es-access list shows your requests and their ids.', '/es-access status REQ-7K3F9Q')),
    ('status foo', No('“foo” is not a request id. /es-access list shows your requests and their ids.', '/es-access status REQ-7K3F9Q')),
    ('status 1h', 'status 1h read'),
    ('status REQ-7K3F9Q REQ-7K3F9R', No('One request at a time.', '/es-access status REQ-7K3F9Q')),
    ('cancel REQ-7K3F9Q because', No('cancel takes the id of a request, and nothing else.', '/es-access cancel REQ-7K3F9Q')),
    ('revoke REQ-7K3F9Q now', 'revoke REQ-7K3F9Q'),
    ('revoke REQ-7K3F9Q --force', No('“--force” is not an option of revoke.', '/es-access revoke REQ-7K3F9Q')),
    ('reset REQ-7K3F9Q', 'reset REQ-7K3F9Q'),
    ('status <REQ-ID>', No('“<REQ-ID>” is not a request id. /es-access list shows your requests and their ids.', '/es-access status REQ-7K3F9Q')),
    ('status ID', No('Say which request you mean. /es-access list shows your requests and their ids.', '/es-access status REQ-7K3F9Q')),
    ('REQ-7K3F9Q', 'status REQ-7K3F9Q'),
    ('req-7k3f9q.', 'status REQ-7K3F9Q'),
    ('REQ-7K3F9Q cancel', No('Say first what to do, then with which request.', '/es-access cancel REQ-7K3F9Q')),
    ('REQ-7K3F9Q extend 1h', No('Say first what to do, then with which request.', '/es-access extend REQ-7K3F9Q 1h')),
    ('extend REQ-7K3F9Q 1h', 'extend REQ-7K3F9Q 1h'),
    ('extend REQ-7K3F9Q 1 hour', 'extend REQ-7K3F9Q 1h'),
    ('extend REQ-7K3F9Q by 1 hour', 'extend REQ-7K3F9Q 1h'),
    ('extend REQ-7K3F9Q for another 30min', 'extend REQ-7K3F9Q 30m'),
    ('extend REQ-7K3F9Q 1h more', 'extend REQ-7K3F9Q 1h'),
    ('extend REQ-7K3F9Q 1h more words', 'extend REQ-7K3F9Q 1h words'),
    ('extend REQ-7K3F9Q 1h still fixing INC-42', 'extend REQ-7K3F9Q 1h still fixing INC-42'),
    ('extend 1h REQ-7K3F9Q', 'extend REQ-7K3F9Q 1h'),
    ('extend REQ-7K3F9Q', No('Say for how much longer.', '/es-access extend REQ-7K3F9Q 1h')),
    ('extend REQ-7K3F9Q lots', No('“lots” is not a duration.', '/es-access extend REQ-7K3F9Q 1h')),
    ('extend REQ-7K3F9Q until 17:00', No('“until” is not a duration.', '/es-access extend REQ-7K3F9Q 1h')),
    ('extend REQ-7K3F9Q 1h --key', No('“--key” is not an option of extend.', '/es-access extend REQ-7K3F9Q 1h')),
    ('extend 1h', No('Say which request you mean. /es-access list shows your requests and their ids. For an index called extend: /es-access extend read 1h', '/es-access extend REQ-7K3F9Q 1h')),
    ('extend read 1h', 'extend 1h read'),
    ('extend', No('Say which request you mean. /es-access list shows your requests and their ids.', '/es-access extend REQ-7K3F9Q 1h')),
    # --- typos ---
    ('aprove REQ-7K3F9Q', No('“aprove” is not a command. Owners decide with the buttons of the message about the request, or in the Home tab.', '/es-access help')),
    ('approve REQ-7K3F9Q', No('“approve” is not a command. Owners decide with the buttons of the message about the request, or in the Home tab.', '/es-access help')),
    ('deny', No('“deny” is not a command. Owners decide with the buttons of the message about the request, or in the Home tab.', '/es-access help')),
    ('lst', No('“lst” is not a command. Did you mean list? For an index of that name: /es-access lst 1h', '/es-access list')),
    ('stauts', No('“stauts” is not a command. Did you mean status? For an index of that name: /es-access stauts 1h', '/es-access status REQ-7K3F9Q')),
    ('stauts REQ-7K3F9Q', No('“stauts” is not a command. Did you mean status?', '/es-access status REQ-7K3F9Q')),
    ('cancle REQ-7K3F9Q', No('“cancle” is not a command. Did you mean cancel?', '/es-access cancel REQ-7K3F9Q')),
    ('extned REQ-7K3F9Q 1h', No('“extned” is not a command. Did you mean extend?', '/es-access extend REQ-7K3F9Q 1h')),
    ('explian logs-* 1h', No('“explian” is not a command. Did you mean explain?', '/es-access explain logs-* 1h')),
    ('explian', No('“explian” is not a command. Did you mean explain? For an index of that name: /es-access explian 1h', '/es-access explain logs-* 1h')),
    ('resorces logs', No('“resorces” is not a command. Did you mean resources?', '/es-access resources logs')),
    ('hlep', No('“hlep” is not a command. Did you mean help? For an index of that name: /es-access hlep 1h', '/es-access help')),
    ('stats', No('“stats” is not a command. Did you mean status? For an index of that name: /es-access stats 1h', '/es-access status REQ-7K3F9Q')),
    ('stats 1h', 'stats 1h read'),
    ('ls', No('“ls” is not a command. Did you mean list? For an index of that name: /es-access ls 1h', '/es-access list')),
    ('search logs', No('“search” is not a command. Did you mean resources?', '/es-access resources logs')),
    ('show my requests', No('“show” is not a command. Did you mean status?', '/es-access status REQ-7K3F9Q')),
    ('renew REQ-7K3F9Q 1h', No('“renew” is not a command. Did you mean extend?', '/es-access extend REQ-7K3F9Q 1h')),
    ('stop REQ-7K3F9Q', No('“stop” is not a command. Did you mean revoke?', '/es-access revoke REQ-7K3F9Q')),
    ('foo', 'a form: foo read'),
    # --- new users ---
    ("I'd like read access to logs-web for 2 hours please", No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-web 2h read')),
    ('logs-web for a couple of hours', No('“a couple of hours” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-web 1h')),
    ('logs-web 1h?', 'logs-web 1h read'),
    ('logs-web=1h', 'a form: logs-web=1h read'),
    ('logs-web:1h', No('I cannot give access to “logs-web:1h”: indices of another cluster cannot be named. Choose the cluster with --cluster NAME.', '/es-access logs-*,metrics-* 1h')),
    ('index:logs-web 1h', No('Write the values without their names: patterns, duration, permission, reason.', '/es-access logs-* 1h read fixing INC-42')),
    ('index=logs-web duration=1h', No('Write the values without their names: patterns, duration, permission, reason.', '/es-access logs-* 1h read fixing INC-42')),
    ('logs-web duration=1h', No('Write the values without their names: patterns, duration, permission, reason.', '/es-access logs-* 1h read fixing INC-42')),
    ('logs-web 1h reason=INC-42', 'logs-web 1h read INC-42'),
    ('logs-web 1h reason: INC-42', 'logs-web 1h read INC-42'),
    ('metrics-cpu P1D', No('“P1D” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access metrics-cpu 1h')),
    ('metrics-cpu today', No('“today” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access metrics-cpu 1h')),
    ('metrics-cpu 1h @bob', No('If it is for somebody else, write --for. If it is your reason, write a permission before it.', '/es-access metrics-cpu 1h --for @bob')),
    ('metrics-cpu 1h @bob asked me to look', 'metrics-cpu 1h read @bob asked me to look'),
    ('metrics-cpu 1h for @dave', No('If it is for somebody else, write --for. If it is your reason, write a permission before it.', '/es-access metrics-cpu 1h --for @dave')),
    ('metrics-cpu 1h for <@U012ABCDEF>', No('If it is for somebody else, write --for. If it is your reason, write a permission before it.', '/es-access metrics-cpu 1h --for <@U012ABCDEF>')),
    ('metrics-cpu 1h on behalf of dave', No('If it is for somebody else, write --for. If it is your reason, write a permission before it.', '/es-access metrics-cpu 1h --for @dave')),
    ('write', 'form Say which indices you need.'),
    ('read --key', 'form Say which indices you need. --key'),
    ('my requests', No('“my” is not a command. Did you mean list?', '/es-access list')),
    ('pending', No('“pending” is not a command. Did you mean list? For an index of that name: /es-access pending 1h', '/es-access list')),
    ('who am i', No('“who” is not a command. Did you mean explain?', '/es-access explain logs-* 1h')),
    ('what can I ask for', No('“what” is not a command. Did you mean help?', '/es-access help')),
    (':wave:', No('“:wave:” is an emoji, not the name of an index.', '/es-access logs-* 1h')),
    ('logs-{web,app} 1h', No('Braces are not read: write each name, separated by commas.', '/es-access logs-web,logs-app 1h')),
    ('{logs-web,logs-app} 1h', 'logs-web,logs-app 1h read'),
    ('logs-[wa]* 1h', 'logs-[wa]* 1h read'),
    ('GET logs-web/_search 1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-* 1h')),
    ('logs-web 1h key=yes', No('Write the values without their names: patterns, duration, permission, reason.', '/es-access logs-* 1h read fixing INC-42')),
    ('logs-web 1h with key', No('If you mean the option, write --key.', '/es-access logs-web 1h --key')),
    ('logs-web 1h as an API key', No('If you mean the option, write --key.', '/es-access logs-web 1h --key')),
    ('logs-web 1h with care', 'logs-web 1h read with care'),
    ('logs-web 1h emergency', No('If you mean the option, write --break-glass.', '/es-access logs-web 1h --break-glass the site is down')),
    ('logs-web 1h readwrite fixing', No('“readwrite” is not a permission. There is: read, write, manage. If it is your reason, write a permission before it.', '/es-access logs-web 1h read')),
    ('logs-web 1h read only', 'logs-web 1h read'),
    ('logs-web 1h write access because INC-42', 'logs-web 1h write because INC-42'),
    ('logs-web 1h write access logs are missing', 'logs-web 1h write access logs are missing'),
    ('logs-web 1h starting tomorrow', No('Access begins when it is approved, so ask when you need it. If it is your reason, write a permission before it.', '/es-access logs-web 1h read starting tomorrow')),
    ('logs-web 1h from 9:00 to 17:00', No('Access begins when it is approved, so ask when you need it. If it is your reason, write a permission before it.', '/es-access logs-web 1h read from 9:00 to 17:00')),
    ('logs-web 1h at 9', No('Access begins when it is approved, so ask when you need it. If it is your reason, write a permission before it.', '/es-access logs-web 1h read at 9')),
    ('logs-web 1h at home', 'logs-web 1h read at home'),
    ('logs-web tomorrow 1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-web 1h read tomorrow')),
    ('logs-web from 9 to 17', No('“from” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-web 1h')),
    ('logs-web 9-17', No('“9-17” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-web 1h')),
    ('logs-web 2026-12-01', No('“2026-12-01” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-web 1h')),
    ('logs-web until 2026-12-02 10:00', No('“until” needs a time, of today or tomorrow. For a later end, write how long, such as 3d.', '/es-access logs-web until 17:00')),
    ('logs-web 1h cluster prod', No('If you mean the option, write --cluster.', '/es-access logs-web 1h --cluster prod')),
    ('logs-web 1h cluster is red', 'logs-web 1h read cluster is red'),
    ('logs-web for INC-42 for 1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-web 1h read for INC-42')),
    ("'logs-web 1h'", 'logs-web 1h read'),
    ('`logs-web` for `1h`', 'logs-web 1h read'),
    ('logs-web 1 hr 15', No('“15” has no unit.', '/es-access logs-web 1h')),
    ('logs-web 1h 15', No('“15” has no unit.', '/es-access logs-web 1h')),
    ('logs-web 1\u0447\u0430\u0441', No('“1час” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-web 1h')),
    ('logs-web 1h please', 'logs-web 1h read please'),
    # --- what another newcomer typed ---
    ('logs-* 1h --break-glass no', No('--break-glass takes no value: write it alone, or leave it out.', '/es-access logs-* 1h --break-glass the site is down')),
    ('logs-* 1h --key no', No('--key takes no value: write it alone, or leave it out.', '/es-access logs-* 1h --key')),
    ('logs-* 1h --again off --key', No('--again takes no value: write it alone, or leave it out.', '/es-access logs-* 1h --again')),
    ('logs-* 1h --break-glass no logs arrive', 'logs-* 1h read no logs arrive --break-glass'),
    ('extend REQ-7K3F9Q 1h REQ-2ABCDE', No('One request at a time.', '/es-access extend REQ-7K3F9Q 1h')),
    ('extend REQ-7K3F9Q REQ-2ABCDE 1h', No('One request at a time.', '/es-access extend REQ-7K3F9Q 1h')),
    ('extend REQ-7K3F9Q and REQ-2ABCDE 1h', No('One request at a time.', '/es-access extend REQ-7K3F9Q 1h')),
    ('extend REQ-7K3F9Q 1h same as REQ-2ABCDE', 'extend REQ-7K3F9Q 1h same as REQ-2ABCDE'),
    ('extend REQ-7K3F9Q 1h or 2h', No('Say one duration.', '/es-access extend REQ-7K3F9Q 1h')),
    ('extend REQ-7K3F9Q 1h 2h', No('Say one duration.', '/es-access extend REQ-7K3F9Q 1h')),
    ('logs-* 1h or 2h', No('Say one duration.', '/es-access logs-* 1h')),
    ('logs-* 1h - 2h', No('Say one duration.', '/es-access logs-* 1h')),
    ('logs-* 1h to 2h', No('Say one duration.', '/es-access logs-* 1h')),
    ('logs-* 1h/2h', No('“1h/2h” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* 1M', No('“1M” may mean minutes or months. Write 1m for minutes, or days like 30d.', '/es-access logs-* 1h')),
    ('logs-* 6 M fixing', No('“6M” may mean minutes or months. Write 6m for minutes, or days like 30d.', '/es-access logs-* 1h read fixing')),
    ('logs-* 1H30M', 'logs-* 1H30M read'),
    ('logs-* 2h 30M', 'logs-* 2h30m read'),
    ('logs-* 1 month', No('“1 month” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* 1h write on test-* only', No('All patterns come before the duration. If it is your reason, write “reason:” before it.', '/es-access test-* 1h write')),
    ('logs-* 1h on test-* only', No('All patterns come before the duration. If it is your reason, write “reason:” before it.', '/es-access test-* 1h')),
    ('logs-* 1h with write access on test-web', No('All patterns come before the duration. If it is your reason, write “reason:” before it.', '/es-access test-web 1h write')),
    ('logs-* 1h write on test-* since it broke', 'logs-* 1h write on test-* since it broke'),
    ('logs-* 1h write reason: on test-* only', 'logs-* 1h write on test-* only'),
    ('logs-* 1h on call', 'logs-* 1h read on call'),
    ('1h write on test-* only', No('The pattern comes first, then the duration.', '/es-access test-* 1h write')),
    ('1h read logs-*', No('The pattern comes first, then the duration.', '/es-access logs-* 1h read')),
    ('2h read', 'form 2h Say which indices you need.'),
    ('logs-* 1h read write', No('A request has one permission: read, write, manage.', '/es-access logs-* 1h read')),
    ('logs-* 1h read write tests', 'logs-* 1h read write tests'),
    ('logs-* minus logs-secret-* 1h', No('A request cannot leave names out: name what you need. If it is your reason, write a permission before it.', '/es-access logs-web-* 1h')),
    ('logs-* !logs-secret 1h', No('A request cannot leave names out: name what you need. If it is your reason, write a permission before it.', '/es-access logs-web-* 1h')),
    ('logs-* 1h -logs-secret-*', No('A request cannot leave names out: name what you need. If it is your reason, write a permission before it.', '/es-access logs-web-* 1h')),
    ('logs-* without delay 1h', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-* 1h read without delay')),
    ('logs-* over 2 hours', No('An index pattern has no spaces, and several patterns are separated by commas. The duration follows them, and the reason comes last.', '/es-access logs-* 2h read over')),
    ('logs-* 1:30', No('“1:30” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('logs-* PT1H', No('“PT1H” is not a duration. Write days, hours and minutes like 1d, 1h, 30m or 2h30m.', '/es-access logs-* 1h')),
    ('revoke REQ-7K3F9Q and REQ-2ABCDE', No('One request at a time.', '/es-access revoke REQ-7K3F9Q')),
    ('revoke REQ-7K3F9Q 1h', No('revoke takes the id of a request, and nothing else.', '/es-access revoke REQ-7K3F9Q')),
    ('/ES-ACCESS logs-* 1h please', 'logs-* 1h read please'),
]  # fmt: skip
"""What is typed → a full command of the same meaning, a form, or a refusal."""


@pytest.mark.parametrize(("typed", "meant"), ROWS, ids=[each for each, _ in ROWS])
def test_what_people_type_is_read_or_refused_with_an_example(typed: str, meant: str | No) -> None:
    read = read_as(typed)
    if isinstance(meant, No):
        assert read == f"! {meant.message} | {meant.example}"
        check_example(meant.example)
    else:
        assert read == meant


def check_example(example: str) -> None:
    """Fails unless the example, pasted as it is and typed without its beginning, is read as a whole command."""
    for typed in (example, example.removeprefix("/es-access ")):
        read = read_as(typed.replace("NAME", "prod"))
        assert not read.startswith(("!", "a form")), f"{typed}: {read}"


def test_every_command_in_a_refusal_is_accepted() -> None:
    for message in {meant.message for _, meant in ROWS if isinstance(meant, No)}:
        for command in re.findall(r"/es-access [a-z]+ (?:read )?1h", message):
            check_example(command)


def test_no_input_of_the_table_is_twice_in_it() -> None:
    assert len({typed for typed, _ in ROWS}) == len(ROWS) >= 150


def test_an_end_says_that_the_time_counts_from_the_approval() -> None:
    note = command_of("logs-* until 17:00").note
    assert note == (
        "17:00 today (Europe/Berlin) is 2h12m from now. "
        "The time counts from the approval, so a later approval means a later end."
    )


def test_a_long_reason_is_refused_by_its_length() -> None:
    assert "has 501 characters: at most 500" in read_as("logs-* 1h " + "x" * 501)


def test_an_end_that_is_typed_does_not_depend_on_the_moment() -> None:
    with pytest.raises(InvalidRequest, match="needs a time, of today"):
        command_of("logs-* until friday")


# --- examples in answers, help and snapshots ---

SAMPLES = (
    (r"other_words|\bflag\b|\bend\b", ""),
    (r"\bid\b|_id\b|number", "REQ-7K3F9Q"),
    (r"pattern|asked|near|kept|command", "logs-*"),
    (r"duration|shorter|longest|limit|hour|noon", "1h"),
    (r"permission|right", "read"),
    (r"verb", "status"),
    (r"option", "key"),
    (r"first|name", "prod"),
)
"""A part of the expression in an f-string → a value that it may have."""


BEGINNINGS = {"/es-access logs-*", "/es-access extend REQ-7K3F9Q", "/es-access logs-app::failures 1h read"}
"""Beginnings to which the code adds a duration, and an example with a permission that only some policies have."""


def texts(file: Path) -> Iterator[str]:
    """Every string in a file that names a command, with sample values."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    formatted = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in formatted for part in node.values}
    yield from ("".join(sample(part) for part in node.values) for node in formatted)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def sample(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    source = ast.unparse(part)
    return next((value for known, value in SAMPLES if re.search(known, source)), "x")


PLACEHOLDERS = {"ID": "REQ-7K3F9Q", "TEXT": "logs", "NAME": "prod", "REASON": "the site is down", "[TEXT]": "logs"}


def commands_in(text: str) -> Iterator[str]:
    """The commands in a text, up to the end of the sentence."""
    for found in re.findall(r"/es-access (?=[a-z*-])[^\n“”`|<]*", text):
        words = re.split(r"(?<=\S)[.:,] |, then| shows | and ", found + " ")[0]
        yield " ".join(PLACEHOLDERS.get(word, word) for word in words.rstrip(" .,").split())


def test_every_example_in_the_code_is_accepted() -> None:
    found = {
        command
        for file in (ROOT / "bot").rglob("*.py")
        if "sandbox" not in file.parts
        for text in texts(file)
        if not text.startswith("/es-access …")
        for command in commands_in(text)
    }
    assert len(found) > 20, found
    for command in sorted(found - BEGINNINGS):
        check_example(command)


def test_every_command_in_a_message_is_accepted() -> None:
    found: set[str] = set()
    for file in sorted((ROOT / "tests" / "snapshots").glob("*.json")):
        for text in strings(json.loads(file.read_text(encoding="utf-8"))):
            found.update(commands_in(text))
    assert len(found) > 10, found
    for command in sorted(found):
        check_example(command)


def strings(node: object) -> Iterator[str]:
    """The texts that a message shows as code."""
    if isinstance(node, dict):
        if isinstance(node.get("style"), dict) and node["style"].get("code"):
            yield str(node["text"])
        for each in node.values():
            yield from strings(each)
    elif isinstance(node, list):
        for each in node:
            yield from strings(each)


def test_permissions_are_those_of_the_policy() -> None:
    assert PERMISSIONS == ("read", "write", "manage")
    assert command_of("logs-* 1h WRITE").verb is Verb.REQUEST


@pytest.mark.parametrize("typed", ["logs-* 1h readwrite fixing", "logs-* 1h wirte", "logs-* 1h read and write"])
def test_an_answer_names_the_permissions_that_the_person_may_ask_for(typed: str) -> None:
    with pytest.raises(InvalidRequest, match=r": read, write\."):
        parse(typed, PERMISSIONS, offered=lambda: ("read", "write"))
    assert parse("logs-* 1h manage", PERMISSIONS, offered=tuple).draft == Draft("logs-*", "1h", "manage")
