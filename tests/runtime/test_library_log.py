"""What libraries write to the standard log reaches the log of the process, with the severity that it has there."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import logging
from collateral_registry.logs import STATUS_NOT_SENT, collect_standard_log, configure
configure("info", "json")
collect_standard_log()
for text in (STATUS_NOT_SENT + ' [b"/a/B"]', "another failure"):
    try:
        raise RuntimeError(text)
    except RuntimeError:
        logging.getLogger("grpc").exception(text)
"""


def test_a_call_whose_caller_has_gone_is_no_error_of_the_server():
    values = {**os.environ, "PYTHONPATH": str(ROOT)}
    text = subprocess.check_output([sys.executable, "-c", PROGRAM], env=values, text=True)

    gone, other = map(json.loads, text.splitlines())
    assert (gone["level"], "Traceback" in text.splitlines()[0]) == ("warning", False)
    assert (other["level"], other["event"]) == ("error", "another failure")
    assert "Traceback" in text.splitlines()[1]
