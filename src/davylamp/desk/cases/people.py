"""People of a case: sealed under a key each, read for a purpose only, let go by destroying the key.

The key of a person lies in a row of its own, sealed by the desk's person key, a file of the desk's folder. Destroying
it makes the sealed text unreadable everywhere, once backups of the key's row have expired. The sealed text and its hash
stay, so that what refers to the person still holds.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from davylamp.desk.access import policy
from davylamp.desk.access.policy import Holder
from davylamp.desk.audit.record import record
from davylamp.desk.cases import recurrence
from davylamp.desk.cases.base import choice, fresh, hold, words
from davylamp.desk.cases.models import Case, CasePerson, PersonKey
from davylamp.desk.core.workflow import Refused
from davylamp.desk.home import read_or_make

KEY_BYTES: Final = 32  # AES-256
NONCE_BYTES: Final = 12
KEY_FILE: Final = "persons"
SHORTEST_PURPOSE: Final = 4  # characters; judged: "查处分" is short and says something, "a" does not


@dataclass(frozen=True, slots=True)
class Identity:
    """What is sealed."""

    name: str
    number: str = ""  # identity or staff number: ties repeats together
    phone: str = ""
    position: str = ""
    note: str = ""

    def masked(self) -> dict[str, str]:
        """As it may be shown beside a pseudonym once it was read: first character, last four digits."""
        return {
            "name": self.name[:1] + "*" * max(0, len(self.name) - 1),
            "number": "*" * max(0, len(self.number) - 4) + self.number[-4:],
            "phone": "*" * max(0, len(self.phone) - 4) + self.phone[-4:],
        }


def add_person(holder: Holder, case: Case, kind: str, role: str, identity: Identity) -> CasePerson:
    """Take a person into a case.

    Raises:
        Refused: E-CAS-002, E-CAS-004.
    """
    given = Identity(**{k: words(v, k, 200, needed=k == "name") for k, v in asdict(identity).items()})
    with transaction.atomic():
        held = hold(holder, "person", case, even_closed=True)
        person = CasePerson(
            case=held,
            kind=choice(kind, CasePerson.Kind.values, _("kind")),
            role=words(role, _("role"), 100, needed=False),
            recorded_by_id=holder.user_id,
            link_digest=link_digest(given.number),
        )
        person.pseudonym = f"P-{hashlib.sha256(person.pk.bytes).hexdigest()[:6].upper()}"
        key = secrets.token_bytes(KEY_BYTES)
        text = json.dumps(asdict(given), ensure_ascii=False).encode()
        person.sealed = _seal(key, text, person.pk.bytes)
        person.sealed_sha256 = hashlib.sha256(person.sealed.encode()).hexdigest()
        person.save(action="person.add")
        PersonKey(person=person, wrapped=_seal(_desk_key(), key, person.pk.bytes)).save(action="person.key")
        recurrence.note_person(held, person.link_digest)
    return person


def link_digest(number: str) -> str:
    """A keyed digest of an identity number; empty for none. Without the desk's key nobody can try numbers out."""
    plain = "".join(number.split()).upper()
    if not plain:
        return ""
    return hmac.new(_desk_key(), b"link:" + plain.encode(), hashlib.sha256).hexdigest()


def unmask(holder: Holder, person: CasePerson, purpose: str) -> Identity:
    """Who it is, for someone who says what for; the audit keeps both (invariant 22).

    Raises:
        Hidden, Forbidden: by the policy.
        Refused: E-CAS-040 without a purpose, E-CAS-041 when the key was destroyed.
        DavylampError: E-CAS-042 when the sealed text is not what was sealed.
    """
    policy.check(holder, "unmask", person)
    reason = words(purpose, _("purpose"), 300, needed=False)
    if len(reason) < SHORTEST_PURPOSE:
        raise Refused("E-CAS-040", _("personal data is read for a purpose only"), _("say what for"))
    key_row = PersonKey.objects.get(person=person)
    if not key_row.wrapped:
        raise Refused("E-CAS-041", _("the personal data of %(p)s is erased") % {"p": person.pseudonym}, "")
    with transaction.atomic():
        record(
            "person.unmask", person, {"purpose": reason}, reason=reason, region_code=person.case.region_code
        )
    key = _open(_desk_key(), key_row.wrapped, person.pk.bytes)
    return Identity(**json.loads(_open(key, person.sealed, person.pk.bytes)))


def erase(holder: Holder, person: CasePerson, reason: str) -> CasePerson:
    """Let go of a cleared person: the key is destroyed, the digest that ties repeats is emptied, the hash stays.

    Raises:
        Refused: E-CAS-043 while a sanction or an open referral rests on them.
    """
    with transaction.atomic():
        policy.check(holder, "erase", person)
        held = fresh(person)
        if held.sanctions.exists() or held.referrals.filter(result_at=None).exists():
            told = _("a measure or an open referral rests on %(p)s") % {"p": held.pseudonym}
            raise Refused("E-CAS-043", told, _("wait until it is settled"))
        why = words(reason, _("reason"), 300)
        key = fresh(PersonKey.objects.get(person=held))
        key.wrapped, key.destroyed_at, key.destroyed_because = "", timezone.now(), why
        key.save(action="person.erase", reason=why)
        held.link_digest, held.cleared_at = "", timezone.now()
        held.save(action="person.erase", reason=why)
    return held


def is_intact(person: CasePerson) -> bool:
    """Whether the sealed text is the one that was sealed; works without the key."""
    return hashlib.sha256(person.sealed.encode()).hexdigest() == person.sealed_sha256


def _desk_key() -> bytes:
    text = read_or_make(settings.HOME / "keys" / KEY_FILE)
    return hashlib.sha256(b"davylamp persons " + text.encode()).digest()


def _seal(key: bytes, text: bytes, about: bytes) -> str:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, text, about)).decode()


def _open(key: bytes, sealed: str, about: bytes) -> bytes:
    raw = base64.b64decode(sealed)
    try:
        return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], about)
    except InvalidTag as error:
        told = _("the sealed data is not what was sealed, or the desk's person key is another one")
        raise Refused("E-CAS-042", told, _("restore keys and database from the same backup")) from error
