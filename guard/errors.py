"""The few errors somebody catches. Each message names the thing, the value and the cure.

Rule of the file: nothing generated (no text of a reply, no matched word) ever stands in a message.
"""


class GuardError(Exception):
    """Any error of ours that reaches an edge: the terminal, an HTTP answer, a log line."""


class SettingsError(GuardError):
    """A setting, a usage or a file of settings is wrong. The start stops; exit code 2."""


class RuleError(SettingsError):
    """One or more mistakes in rule files, each with `file:line:column` and the lines around it.

    `mistakes` has a line for each, without the lines around it: for logs.
    """

    def __init__(self, message: str, mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.mistakes = mistakes


class UpstreamError(GuardError):
    """The model endpoint failed us. `status` is what the client is told: 502 or 504.

    `unpaid`: the request never reached the model, so that a retry costs nothing twice.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 502,
        code: str = "upstream_error",
        unpaid: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.unpaid = unpaid


class StoreError(GuardError):
    """The review store cannot keep or answer now. Text stays in; the client is told 503."""
