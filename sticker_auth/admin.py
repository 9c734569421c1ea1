"""Staff and their roles, on the theme's own classes; only superusers change who may do what."""

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audit.admin_base import ThemedAdmin
from audit.admin_display import badge, badges, moment
from sticker_auth.roles import APPS

if TYPE_CHECKING or settings.ADMIN_THEME == "plain":
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
    from django.forms import CheckboxSelectMultiple as Checkboxes
else:
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as Checkboxes


if TYPE_CHECKING:
    ThemedUserAdmin = UserAdmin[User]
    ChangeForm = UserChangeForm[User]
else:
    ThemedUserAdmin, ChangeForm = UserAdmin, UserChangeForm


class _OnlySuperusersChange:
    """Mixed in front of an admin: who holds the permission may look, superusers alone may change, nobody deletes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


class StaffAdmin(_OnlySuperusersChange, ThemedUserAdmin, ThemedAdmin):
    form = ChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "full_name", "roles", "state", "last_seen")
    list_filter = ("is_active", "is_staff", "groups")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        (
            "Access",
            {
                "fields": ("is_active", "is_staff", "groups", "is_superuser"),
                "description": "Roles are groups. Deactivate a person who leaves: the ledger keeps what they did.",
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, widget=Checkboxes, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        found: QuerySet[User] = super().get_queryset(request).prefetch_related("groups")
        return found

    @admin.display(description="Name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description="Roles")
    def roles(self, user: User) -> SafeString:
        words = [badge("superuser", tone="bad")] if user.is_superuser else []
        return badges([*words, *(badge(group.name, tone="info") for group in user.groups.all())])

    @admin.display(description="State")
    def state(self, user: User) -> SafeString:
        if not user.is_active:
            return badge("Deactivated")
        return badge("Active", tone="ok") if user.is_staff else badge("Not staff", tone="warn")

    @admin.display(description="Signed in", ordering="last_login")
    def last_seen(self, user: User) -> SafeString:
        return moment(user.last_login, empty="never")


class RoleAdmin(_OnlySuperusersChange, GroupAdmin, ThemedAdmin):
    list_display = ("name", "people")
    filter_horizontal = ()

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        ours = Permission.objects.filter(content_type__app_label__in=[*APPS]).exclude(content_type__model="permission")
        field: Any = super().formfield_for_manytomany(db_field, request, widget=Checkboxes, queryset=ours, **kwargs)
        field.label_from_instance = attrgetter("name")
        return field

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        found: QuerySet[Group] = super().get_queryset(request).prefetch_related("user_set")
        return found

    @admin.display(description="Held by")
    def people(self, group: Any) -> str:
        return ", ".join(sorted(user.get_username() for user in group.user_set.all())) or "nobody"


admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.register(User, StaffAdmin)
admin.site.register(Group, RoleAdmin)
