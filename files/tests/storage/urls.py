"""Views around the parser and the response, for the tests of their life in a request."""

from django.http import JsonResponse
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from files.storage.forms import UploadForm, file_of

failures = []


class UploadView(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]
    parser_classes = [UploadForm]

    def post(self, request):
        file = file_of(request.data)
        if failures:
            raise failures.pop()
        texts = {name: value for name, value in request.data.items() if name != "file"}
        answer = {
            "filename": file.filename,
            "declared_type": file.declared_type,
            "size_bytes": file.received.size_bytes,
            "sha256": file.received.sha256,
            "is_there": file.received.path.exists(),
            "texts": texts,
        }
        return JsonResponse(answer)


urlpatterns = [path("api/upload", UploadView.as_view())]
