"""What Slack's tokens look like."""

from pydantic import AfterValidator, SecretStr

SHORTEST_TOKEN = 13
"""Characters. `.env.example` holds the bare beginning of each token; Slack's own are over fifty long."""


def token(kind: str, begins: str) -> AfterValidator:
    """Takes a whole token of that kind alone. The sentence of its `ValueError` repeats nothing of it."""

    def check(value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text.startswith(begins):
            raise ValueError(f"must be the {kind} token, it begins with {begins}")
        if len(text) < SHORTEST_TOKEN:
            raise ValueError(f"must be the whole {kind} token, it goes on after {begins}")
        return value

    return AfterValidator(check)
