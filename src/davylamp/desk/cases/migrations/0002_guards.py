"""The database refuses what may never happen."""

from typing import ClassVar

from django.db import migrations

from davylamp.desk.audit.triggers import guard


class Migration(migrations.Migration):
    """Triggers."""

    dependencies: ClassVar = [("cases", "0001_initial")]
    operations: ClassVar = [
        guard(
            "cases_evidenceitem",
            "cases_custodyevent",
            "cases_integritycheck",
            "cases_hypothesisreason",
            "cases_recurrence",
            "cases_objection",
            "cases_recheck",
            "cases_coverageinterval",
            "cases_seizedevent",
            "cases_figure",
            "cases_gain",
            "cases_sanction",
            immutable=True,
        ),
        guard(
            "cases_case",
            "cases_caselead",
            "cases_casemember",
            "cases_caseperson",
            "cases_determination",
            "cases_hypothesis",
            "cases_integrityalert",
            "cases_mark",
            "cases_oldcase",
            "cases_personkey",
            "cases_rectification",
            "cases_referral",
            "cases_seizeditem",
            "cases_task",
            "cases_tasktemplate",
        ),
    ]
