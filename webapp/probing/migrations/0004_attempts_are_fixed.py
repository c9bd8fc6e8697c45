from django.db import migrations

from webapp.probing.migrations._fixed import ATTEMPTS


class Migration(migrations.Migration):
    """The columns that moved to the attempts go, and the database refuses to change an attempt from now on."""

    dependencies = [("probing", "0003_attempts_of_completions")]

    operations = [
        migrations.RemoveField(
            model_name="completion",
            name="attempt",
        ),
        migrations.RemoveField(
            model_name="completion",
            name="elapsed",
        ),
        migrations.RemoveField(
            model_name="completion",
            name="error",
        ),
        migrations.RemoveField(
            model_name="completion",
            name="headers",
        ),
        migrations.RemoveField(
            model_name="completion",
            name="raw_sha256",
        ),
        migrations.RemoveField(
            model_name="completion",
            name="raw_zlib",
        ),
        migrations.RemoveField(
            model_name="completion",
            name="request_sha256",
        ),
        migrations.RemoveField(
            model_name="completion",
            name="request_zlib",
        ),
        migrations.RemoveField(
            model_name="completion",
            name="returned_model",
        ),
        migrations.RemoveField(
            model_name="completion",
            name="status",
        ),
        migrations.RemoveField(
            model_name="completion",
            name="system_fingerprint",
        ),
        migrations.RunPython(ATTEMPTS.make, ATTEMPTS.drop),
    ]
