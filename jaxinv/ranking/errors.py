"""The one error that bad input raises, so that a caller catches one class and a command line prints one sentence."""


class InputError(ValueError):
    """A file or an argument cannot be used; the message names it and says what to do."""
