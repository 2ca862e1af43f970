from django.db import migrations

FORWARDS = """
CREATE FUNCTION system_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The audit log is only written to, never changed.'
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON system_auditentry
  FOR EACH ROW EXECUTE FUNCTION system_audit_is_append_only();
"""
BACKWARDS = """
DROP TRIGGER audit_append_only ON system_auditentry;
DROP FUNCTION system_audit_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("system", "0001_initial")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
