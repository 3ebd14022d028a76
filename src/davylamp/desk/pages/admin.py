"""Settings: accounts, postings, recusals, tokens, calendar days, factor sets, the state of the system."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from davylamp.desk.access import policy, services
from davylamp.desk.access.models import Clearance, Duty, Posting, Recusal, Token, User
from davylamp.desk.access.policy import Forbidden, Holder
from davylamp.desk.pages import history
from davylamp.desk.pages.frames import holder_in
from davylamp.desk.pages.lead_table import region_choices

SECTIONS = (
    ("admin", gettext_lazy("Accounts")),
    ("admin-tokens", gettext_lazy("Tokens")),
    ("admin-calendar", gettext_lazy("Calendar")),
    ("admin-templates", gettext_lazy("Document templates")),
    ("admin-factors", gettext_lazy("Factor sets")),
    ("admin-system", gettext_lazy("System")),
)


class PostingForm(forms.Form):
    """A duty, where, how far it sees, and on what order."""

    duty = forms.ChoiceField(label=gettext_lazy("Duty"), choices=Duty.choices)
    region_code = forms.ChoiceField(label=gettext_lazy("Region"))
    organisation_code = forms.CharField(
        label=gettext_lazy("Organisation's code"), required=False, max_length=64,
        help_text=gettext_lazy("only for an organisation's contact"),
    )  # fmt: skip
    clearance = forms.TypedChoiceField(
        label=gettext_lazy("Clearance"), choices=Clearance.choices, coerce=int, initial=Clearance.INTERNAL
    )
    basis = forms.CharField(label=gettext_lazy("Order"), required=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        province = settings.PROVINCE
        self.fields["region_code"].choices = region_choices(province)

    def posting(self) -> Posting:
        """The posting that was filled in, without its account."""
        names = ("duty", "region_code", "organisation_code", "clearance", "basis")
        return Posting(**{name: self.cleaned_data[name] for name in names})


class AccountForm(PostingForm):
    """A new account with its first posting."""

    username = forms.CharField(label=gettext_lazy("Account"), max_length=64)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    field_order = ("username", "name")


class TokenForm(forms.Form):
    """A key to the API."""

    account = forms.ModelChoiceField(label=gettext_lazy("Acts as"), queryset=None)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"),
        choices=[(s, s) for s in Token.SCOPES],
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days"), min_value=1, max_value=services.MOST_TOKEN_DAYS, initial=90
    )

    def __init__(self, holder: Holder, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].queryset = (
            policy.visible(holder, User).filter(is_active=True).order_by("username")
        )


def keeper(request: HttpRequest) -> Holder:
    """The holder, if administration is its duty to see.

    Raises:
        Forbidden: E-ACC-403 for anybody else.
    """
    holder = holder_in(request)
    if not holder.duties & {Duty.ADMIN, Duty.AUDITOR}:
        raise Forbidden("E-ACC-403", _("your duty does not include this"), _("ask whoever made your account"))
    return holder


def page(request: HttpRequest, template: str, here: str, context: dict[str, Any]) -> HttpResponse:
    """A page of the settings with its sections."""
    found = [{"href": reverse(n), "label": label, "is_here": n == here} for n, label in SECTIONS]
    may_change = Duty.ADMIN in holder_in(request).duties
    return render(request, template, {"tabs": found, "may_change": may_change, **context})


@login_required
@require_http_methods(["GET", "POST"])
def accounts(request: HttpRequest) -> HttpResponse:
    """All accounts, and a new one; its first password is shown once."""
    holder = keeper(request)
    form = AccountForm(request.POST or None)
    made: tuple[User, str] | None = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        made = services.create_account(holder, data["username"], data["name"], form.posting())
        form = AccountForm()
    rows = policy.visible(holder, User).prefetch_related("postings").order_by("-is_active", "username")
    return page(
        request, "pages/admin_accounts.html", "admin", {"form": form, "made": made, "accounts": list(rows)}
    )


@login_required
@require_GET
def account(request: HttpRequest, key: str) -> HttpResponse:
    """One account: postings, recusals, tokens, history."""
    holder = keeper(request)
    found = policy.find(holder, User, pk=key)
    context = {
        "account": found,
        "postings": list(policy.visible(holder, Posting).filter(user=found).order_by("-valid_from")),
        "recusals": list(policy.visible(holder, Recusal).filter(user=found).order_by("-valid_from")),
        "tokens": list(policy.visible(holder, Token).filter(user=found).order_by("-expires_at")),
        "form": PostingForm(),
        "events": history.of(found, holder),
        "crumbs": [(_("Accounts"), reverse("admin")), (found.username, "")],
    }
    return page(request, "pages/admin_account.html", "admin", context)


@login_required
@require_POST
def change(request: HttpRequest, key: str) -> HttpResponse:
    """Post, end a posting, recuse, end a recusal, close: one of them, each with its audit row."""
    holder = keeper(request)
    found = policy.find(holder, User, pk=key)
    act, reason = request.POST.get("act", ""), request.POST.get("reason", "").strip()[:2000]
    item = request.POST.get("item", "")
    if act == "post":
        form = PostingForm(request.POST)
        if not form.is_valid():
            raise services.Refusal(
                "E-ACC-102", _("this duty or region is not known"), _("choose one from the list")
            )
        services.add_posting(holder, found, form.posting())
    elif act == "end-posting":
        services.end_posting(holder, item, reason)
    elif act == "recuse":
        services.recuse(holder, found, request.POST.get("organisation_code", ""), reason)
    elif act == "end-recusal":
        services.end_recusal(holder, item, reason)
    elif act == "close":
        services.close_account(holder, key, reason)
    else:
        raise services.Refusal("E-ACC-109", _("there is no such step"), _("reload the page"))
    messages.success(request, _("Done and recorded."))
    return redirect("admin-account", key)


@login_required
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """Keys to the API: issued with a secret that is shown once, revoked with a reason."""
    holder = keeper(request)
    form = TokenForm(holder, request.POST if request.POST.get("act") == "issue" else None)
    made: tuple[Token, str] | None = None
    if request.POST.get("act") == "revoke":
        services.revoke_token(holder, request.POST.get("item", ""), request.POST.get("reason", ""))
        messages.success(request, _("Done and recorded."))
        return redirect("admin-tokens")
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        made = services.issue_token(holder, data["account"], data["name"], data["scopes"], data["days"])
        form = TokenForm(holder)
    rows = policy.visible(holder, Token).select_related("user").order_by("revoked_at", "expires_at")
    return page(
        request, "pages/admin_tokens.html", "admin-tokens", {"form": form, "made": made, "tokens": list(rows)}
    )
