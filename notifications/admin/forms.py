from typing import Any, TypeVar

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from alice.common.errors import Invalid
from notifications.models import Content
from notifications.services.action_urls import SENTENCE, require_harmless

Row = TypeVar("Row", bound=Content)


class ContentForm(forms.ModelForm[Row]):
    """What is told, as the API takes it."""

    class Meta:
        fields = ["title", "message", "notification_type", "action_url"]
        widgets = {
            "title": UnfoldAdminTextInputWidget(),
            "message": UnfoldAdminTextareaWidget(attrs={"rows": 4}),
            "notification_type": UnfoldAdminSelectWidget(),
            "action_url": UnfoldAdminTextInputWidget(),
        }

    def clean_action_url(self) -> str:
        action_url: str = self.cleaned_data["action_url"]
        try:
            require_harmless(action_url)
        except Invalid as refusal:
            raise forms.ValidationError(SENTENCE) from refusal
        return action_url

    def content(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ContentForm.Meta.fields}
