from django.urls import path

from collaboration.views import chat, rooms, shares

app_name = "collaboration"
urlpatterns = [
    path("chat/send", chat.SendView.as_view(), name="send"),
    path(
        "chat/rooms",
        rooms.RoomsViewSet.as_view({"get": "list", "post": "create"}),
        name="rooms",
    ),
    path("chat/rooms/<str:room_id>", rooms.RoomView.as_view(), name="room"),
    path("chat/rooms/<str:room_id>/leave", rooms.LeaveView.as_view(), name="room-leave"),
    path("chat/rooms/<str:room_id>/mute", rooms.MuteView.as_view(), name="room-mute"),
    path(
        "chat/rooms/<str:room_id>/members",
        rooms.MembersViewSet.as_view({"get": "list", "post": "create"}),
        name="members",
    ),
    path(
        "chat/rooms/<str:room_id>/members/<id:user_id>",
        rooms.MemberView.as_view(),
        name="member",
    ),
    path("chat/messages/<id:message_id>", chat.MessageView.as_view(), name="message"),
    path(
        "chat/messages/<id:message_id>/reactions/<str:emoji>",
        chat.ReactionView.as_view(),
        name="reaction",
    ),
    path("chat/<str:room_id>", chat.HistoryViewSet.as_view({"get": "list"}), name="history"),
    path("chat/<str:room_id>/read", chat.ReadView.as_view(), name="read"),
    path("chat/<str:room_id>/typing", chat.TypingView.as_view(), name="typing"),
    path("chat/<str:room_id>/presence", chat.PresenceView.as_view(), name="presence"),
    path("collab/share", shares.ShareView.as_view(), name="share"),
    path("collab/shares/<id:share_id>", shares.RevokeView.as_view(), name="share-revoke"),
    path("collab/shared", shares.SharedViewSet.as_view({"get": "list"}), name="shared"),
    path("collab/shared/<str:token>", shares.LinkView.as_view(), name="shared-link"),
    path(
        "collab/shared-with-me",
        shares.HeldShareViewSet.as_view({"get": "list"}),
        name="shared-with-me",
    ),
]
