from alice.common.pages import ScriptedPage
from collaboration.views.pages import sources_of_bytes


class ChatPage(ScriptedPage):
    """The same whether or not there is such a room."""

    template_name = "collaboration/chat.html"

    def bytes_from(self) -> str:
        return sources_of_bytes()
