from rest_framework import serializers

from system.models import Job


class JobSerializer(serializers.ModelSerializer[Job]):
    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "status",
            "progress",
            "result",
            "error",
            "created_at",
            "started_at",
            "finished_at",
        ]
        read_only_fields = fields


class HealthCheckSerializer(serializers.Serializer[dict[str, object]]):
    status = serializers.ChoiceField(choices=["ok", "down"])
    ms = serializers.FloatField(help_text="How long the part took to answer.")
    problem = serializers.CharField(required=False)


class HealthSerializer(serializers.Serializer[dict[str, object]]):
    status = serializers.ChoiceField(choices=["healthy", "degraded", "unhealthy"])
    version = serializers.CharField()
    uptime = serializers.FloatField(help_text="Seconds since the answering process started.")
    timestamp = serializers.DateTimeField()
    checks = serializers.DictField(child=HealthCheckSerializer())
