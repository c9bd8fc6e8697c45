from django.db import migrations

from webapp.custody.migrations._kept import FIXED, KEPT


class Migration(migrations.Migration):
    """The database refuses to change or delete an entry from now on."""

    dependencies = [("custody", "0002_teams")]

    operations = [migrations.RunPython(FIXED.make, FIXED.drop), migrations.RunPython(KEPT.make, KEPT.drop)]
