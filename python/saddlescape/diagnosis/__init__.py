"""From a run to a verdict."""

from saddlescape.diagnosis.diagnose import diagnose
from saddlescape.diagnosis.diagnosis import Diagnosis, Investigation
from saddlescape.diagnosis.investigate import investigate
from saddlescape.diagnosis.records import Event, Evidence, Finding
from saddlescape.diagnosis.saturation import Saturation, saturation

__all__ = [
    "Diagnosis",
    "Event",
    "Evidence",
    "Finding",
    "Investigation",
    "Saturation",
    "diagnose",
    "investigate",
    "saturation",
]
