"""Commands that tests start and stop by a signal."""
import signal


def minds_ctrl_c() -> None:
    """For `preexec_fn`: a shell lets jobs in the background ignore SIGINT, and their children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
