"""A small province for looking at the desk: organisations, networks, contacts, accounts, leads in every state.

Names and addresses are fictional. `make` is deterministic but for keys and times relative to now.
"""

from datetime import timedelta

from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from davylamp.desk.access.models import Clearance, Duty, Posting, User
from davylamp.desk.access.policy import holder_of
from davylamp.desk.audit.context import Actor, acting
from davylamp.desk.cases import determination, evidence, work
from davylamp.desk.cases import people as people_in_cases
from davylamp.desk.core.workflow import perform
from davylamp.desk.handover import services
from davylamp.desk.leads.models import Attribution, Intake, Lead, Observation, State
from davylamp.desk.registry.models import ContactPoint, Organisation

PASSWORD = "lamp in the mine"
TOTP_KEY = "3132333435363738393031323334353637383930"
ORGANISATIONS = (
    ("12330000470000001A", "钱江理工大学", "330106", "教育", True),
    (
        "12330000470000002B",
        "钱江理工大学信息学院实验教学中心（计算机与网络安全实验室）",
        "330106",
        "教育",
        True,
    ),
    ("12330100470000003C", "杭州市临江区第一人民医院", "330109", "医疗", True),
    ("12330200470000004D", "宁波东港职业技术学院", "330203", "教育", True),
    ("91330300470000005E", "温州瓯越数据服务有限公司", "330302", "企业", False),
    ("12330700470000006F", "金华市婺水区档案馆", "330702", "机关", True),
    ("12330900470000007G", "舟山市海域观测站", "330902", "科研", True),
)
PEOPLE = (
    ("analyst", "沈一帆", Duty.ANALYST, "330000", ""),
    ("approver", "顾明远", Duty.APPROVER, "330000", ""),
    ("officer", "陆晓岚", Duty.OFFICER, "330100", ""),
    ("leader", "郑国栋", Duty.LEADER, "330000", ""),
    ("auditor", "韩静", Duty.AUDITOR, "330000", ""),
    ("admin", "管理员", Duty.ADMIN, "330000", ""),
    ("contact", "许航", Duty.CONTACT, "330106", "12330000470000001A"),
)
STATES = (
    State.NEW, State.NEW, State.ATTRIBUTING, State.ATTRIBUTED, State.UNATTRIBUTABLE, State.HANDED_OVER, State.VERIFYING,
    State.DETERMINED, State.RECTIFYING, State.RECHECK, State.CLOSED, State.CLOSED, State.PROJECT,
)  # fmt: skip
COINS = (
    ("XMR", "RandomX", 9.1e3),
    ("BTC", "SHA-256", 1.1e14),
    ("", "Ethash", 2.4e8),
    ("RVN", "KawPow", 3.8e7),
)
BECAUSE = (
    "reads as stratum-v1: mining.subscribe, mining.authorize and 41 mining.submit in 3,600 s",
    "the pool's name pool.example.org is known to be a mining pool",
)

WEAKEST = "lease: no DHCP record covers that time"


def make(leads=64):
    """Rows of a small province; returns accounts by name."""
    with acting(Actor("system", "scene", "demonstration", "command")):
        people = {row[0]: _person(*row) for row in PEOPLE}
        for code, name, region, sector, is_public in ORGANISATIONS:
            Organisation(
                code=code, name=name, region_code=region, sector=sector, is_public=is_public, department="浙江省教育厅",
                parent_code=ORGANISATIONS[0][0] if code.endswith("B") else "",
            ).save()  # fmt: skip
            ContactPoint(
                organisation_code=code, region_code=region, name="周建平", phone="13800001234",
                email="zhou@example.org", confirmed_at=timezone.now() - timedelta(days=40 * len(name)),
            ).save()  # fmt: skip
        intake = Intake(source="province-cert", channel="file", name="week-27.json", rows=leads)
        intake.save()
        for n in range(leads):
            _lead(n, intake, people)
        _days_work(people)
    return people


def _days_work(people):
    """Hand-overs and a case of the contact's organisation, made by the services as people would."""
    as_ = {name: holder_of(user) for name, user in people.items()}
    code = ORGANISATIONS[0][0]
    done, waits = (_handed(as_, [_waiting(n, code)]) for n in (0, 1))
    item = perform(done, "sign", as_["contact"], {"by": "许航"})
    answer = {"found": "mining", "description": "机房发现两台主机", "host": "信息楼 A-101", "measure": "断网"}
    perform(item, "report", as_["contact"], {"answers": {str(i.pk): answer for i in item.items.all()}})
    services.draft(as_["analyst"], code, [_waiting(2, code)])
    case = work.open_case(as_["officer"], [item.items.get().lead])
    work.suppose(as_["officer"], case, "insider", "机房管理员下班后运行矿机")
    for side in ("host", "network"):
        taken = evidence.Taken(
            "log", side, "系统日志与网络流记录", timezone.now() - timedelta(hours=3), 3.5, "NTP", ["王芳", "李强"],
            signer="holder",
        )  # fmt: skip
        evidence.take(as_["officer"], case, taken, [side.encode()], "日志.log")
    determination.draft(as_["officer"], case, "active", "主机与网络证据相互印证")
    people_in_cases.add_person(
        as_["officer"], case, "student", "主机使用人", people_in_cases.Identity("赵小明")
    )
    return waits


def _handed(as_, leads):
    item = services.draft(as_["analyst"], leads[0].organisation_code, leads)
    for step, who in (("submit", "analyst"), ("approve", "approver"), ("issue", "analyst")):
        item = perform(item, step, as_[who], {})
    return item


def _waiting(n, code):
    """A lead that is attributed and lies nowhere yet."""
    now = timezone.now()
    with acting(Actor("system", "scene", "demonstration", "command")):
        lead = Lead(
            number=f"XS-HAND{n}", key=f"scene-hand-{n}", ip=f"192.0.2.{n + 10}", ip_sort=f"{900 + n:032x}",
            state=State.ATTRIBUTED, state_since=now, tier="confirmed", probability=0.99, region_code="330106",
            organisation_code=code, organisation_name=ORGANISATIONS[0][1], first_seen=now - timedelta(days=9),
            last_seen=now - timedelta(days=1), observations_count=2,
        )  # fmt: skip
        lead.save()
    return lead


def _person(username, name, duty, region, organisation):
    user = User.objects.create_user(username, PASSWORD, name=name, is_demo=True)
    Posting(
        user=user, duty=duty, region_code=region, organisation_code=organisation, clearance=Clearance.CONFIDENTIAL,
        basis="浙矿办〔2021〕3号",
    ).save()  # fmt: skip
    TOTPDevice.objects.create(user=user, name="authenticator", key=TOTP_KEY, confirmed=True)
    return user


def _lead(n, intake, people):
    now = timezone.now()
    code, name, region, sector, _ = ORGANISATIONS[n % len(ORGANISATIONS)]
    state = STATES[n % len(STATES)]
    coin, algorithm, rate = COINS[n % len(COINS)]
    known = state not in (State.NEW, State.ATTRIBUTING, State.UNATTRIBUTABLE)
    ip = f"198.51.100.{n + 1}" if n % 9 else f"2001:db8:4700:{n:x}::1"
    seen = now - timedelta(days=n % 30, hours=n % 7)
    is_sized = n % 5 != 0
    is_dated = state != State.NEW or n % 2 == 0
    lead = Lead(
        number=f"XS-{(n * 7919 + 104729) % 1048576:05X}{n:03d}", key=f"scene-{n:04d}", ip=ip, ip_sort=f"{n:032x}",
        state=state, state_since=now - timedelta(days=n % 12), severity=1 + n % 4,
        due_at=now + timedelta(hours=17 * (n % 9) - 60) if is_dated else None,
        closed_at=now if state == State.CLOSED else None, assigned_to=people["analyst"] if n % 4 == 0 else None,
        tier=("confirmed", "probable", "suspected")[n % 3], probability=0.99 - 0.2 * (n % 3), coin=coin,
        algorithm=algorithm, pool="stratum+tcp://pool.example.org:3333", worker=f"lab{n}",
        wallet="48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq" if n % 2 else "", first_seen=seen - timedelta(days=9), last_seen=seen,
        observations_count=2, accepted_shares=41 * n, region_code=region if known else "330000",
        weakest_link=WEAKEST,
    )  # fmt: skip
    if known:
        lead.organisation_code, lead.organisation_name, lead.sector = code, name, sector
    if is_sized:
        lead.hashrate_low, lead.hashrate_hps, lead.hashrate_high = 0.94 * rate, rate, 1.07 * rate
        lead.kwh_per_day_low, lead.kwh_per_day, lead.kwh_per_day_high = (
            0.4 * (n + 3),
            1.1 * (n + 3),
            3.2 * (n + 3),
        )
        lead.energy_grade, lead.machines_low, lead.machines, lead.machines_high = "C", 1, 2, 5
    lead.save()
    for k in range(2):
        Observation(
            intake=intake, lead=lead, source=intake.source, source_ref=f"{n}-{k}", sensor="hz-core-1", ip=ip,
            port=51000 + k, server_ip="203.0.113.9", server_port=3333, first_seen=lead.first_seen, kind="mining",
            last_seen=seen - timedelta(hours=5 * k), tier=lead.tier, probability=lead.probability, coin=coin,
            algorithm=algorithm, pool=lead.pool, worker=lead.worker, accepted_shares=20 * n,
            hashrate_low=lead.hashrate_low, hashrate_hps=lead.hashrate_hps, hashrate_high=lead.hashrate_high,
            because=list(BECAUSE), not_seen=["no block template was asked for"],
        ).save()  # fmt: skip
    if known:
        Attribution(
            lead=lead, at=lead.first_seen, organisation_code=code, organisation_name=name, region_code=region,
            confidence=0.9, method="registry, imported layer", chain=[_link("address", ip), _link("lease", "")],
            weakest=WEAKEST,
        ).save()  # fmt: skip


def _link(hop, value):
    because = "" if value else "no DHCP record covers that time"
    return {"hop": hop, "value": value, "source": "", "confidence": 1.0 if value else 0.0, "because": because}
