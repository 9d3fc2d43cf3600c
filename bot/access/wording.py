"""Numbers and sizes as people read them."""

_KILO = 1000
"""Sizes are shown as Elasticsearch and Kibana users read them, in decimal units."""


def counted(number: int, noun: str) -> str:
    """`1 index`, `2 indices`."""
    plural = {"index": "indices", "alias": "aliases", "match": "matches"}.get(noun, f"{noun}s")
    return f"{number} {noun if number == 1 else plural}"


def sized(count: int) -> str:
    """Bytes, for people: `3.4 GB`."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < _KILO:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= _KILO
    return f"{size:.1f} TB"
