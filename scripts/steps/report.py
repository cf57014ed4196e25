"""What the set-up tells its user."""


class SetupError(Exception):
    """A stop that the user can do something about; its text says what."""


def say(step: str, text: str) -> None:
    """One line about one step."""
    print(f"[{step}] {text}", flush=True)


def megabytes(size: int) -> str:
    """A number of bytes for people: 530604548 is "531 MB"."""
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
