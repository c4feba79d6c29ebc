"""From a run to a verdict."""

from saddlescape.diagnosis.diagnose import diagnose
from saddlescape.diagnosis.diagnosis import Diagnosis, Investigation
from saddlescape.diagnosis.investigate import investigate
from saddlescape.diagnosis.records import Event, Evidence, Finding

__all__ = ["Diagnosis", "Event", "Evidence", "Finding", "Investigation", "diagnose", "investigate"]
