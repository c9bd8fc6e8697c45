import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probing", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("answered", "Answered"),
                            ("lost", "Sent perhaps, reply never recorded"),
                            ("late", "Came too late"),
                        ],
                        default="answered",
                        max_length=8,
                    ),
                ),
                ("worker", models.CharField(blank=True, max_length=100)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("received_at", models.DateTimeField()),
                ("elapsed", models.FloatField(default=0.0)),
                ("outcome", models.CharField(blank=True, max_length=20)),
                ("status", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("finish_reason", models.CharField(blank=True, max_length=64)),
                ("prompt_tokens", models.PositiveIntegerField(blank=True, null=True)),
                ("completion_tokens", models.PositiveIntegerField(blank=True, null=True)),
                ("returned_model", models.CharField(blank=True, max_length=200)),
                ("provider", models.CharField(blank=True, max_length=200)),
                ("system_fingerprint", models.CharField(blank=True, max_length=200)),
                ("headers", models.JSONField(blank=True, default=dict)),
                ("error", models.TextField(blank=True)),
                ("request_sha256", models.CharField(blank=True, max_length=64)),
                ("raw_sha256", models.CharField(blank=True, max_length=64)),
                ("request_zlib", models.BinaryField(blank=True, default=b"")),
                ("raw_zlib", models.BinaryField(blank=True, default=b"")),
                (
                    "digest",
                    models.CharField(help_text="SHA-256 over every other field, bytes by their hashes", max_length=64),
                ),
            ],
            options={
                "ordering": ["call", "number", "kind"],
            },
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("origin", models.CharField(max_length=300, unique=True)),
                ("concurrency", models.PositiveSmallIntegerField(default=16, help_text="Calls under way at once")),
                (
                    "per_minute",
                    models.PositiveIntegerField(blank=True, help_text="Calls a minute; empty: no limit", null=True),
                ),
                (
                    "jitter",
                    models.FloatField(default=0.1, help_text="By how much gaps vary, as a share; they only grow"),
                ),
            ],
            options={
                "ordering": ["origin"],
            },
        ),
        migrations.RemoveIndex(
            model_name="probecall",
            name="call_by_state",
        ),
        migrations.AddField(
            model_name="collection",
            name="budget_calls",
            field=models.PositiveBigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="collection",
            name="budget_money",
            field=models.DecimalField(blank=True, decimal_places=4, max_digits=14, null=True),
        ),
        migrations.AddField(
            model_name="collection",
            name="budget_tokens",
            field=models.PositiveBigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="collection",
            name="evidence_hash",
            field=models.CharField(blank=True, help_text="Of every attempt's digest, stored when done", max_length=64),
        ),
        migrations.AddField(
            model_name="collection",
            name="held_until",
            field=models.DateTimeField(blank=True, help_text="The endpoint is left alone until then", null=True),
        ),
        migrations.AddField(
            model_name="collection",
            name="held_why",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name="collection",
            name="identities",
            field=models.JSONField(blank=True, default=list, help_text="[returned model, system fingerprint], as seen"),
        ),
        migrations.AddField(
            model_name="collection",
            name="pace_note",
            field=models.CharField(blank=True, help_text="What is unusual about the pace at present", max_length=300),
        ),
        migrations.AddField(
            model_name="collection",
            name="price_in",
            field=models.DecimalField(
                decimal_places=4, default=0, help_text="A million tokens of prompts", max_digits=12
            ),
        ),
        migrations.AddField(
            model_name="collection",
            name="price_out",
            field=models.DecimalField(
                decimal_places=4, default=0, help_text="A million tokens of replies", max_digits=12
            ),
        ),
        migrations.AddField(
            model_name="collection",
            name="seed",
            field=models.BigIntegerField(
                default=0, help_text="Of the order in which calls are sent, and of their jitter"
            ),
        ),
        migrations.AddField(
            model_name="collection",
            name="segment",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="The one identity that is compared", null=True
            ),
        ),
        migrations.AddField(
            model_name="collection",
            name="segment_hash",
            field=models.CharField(blank=True, help_text="Content hash of that segment alone", max_length=64),
        ),
        migrations.AddField(
            model_name="collection",
            name="spent_calls",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="collection",
            name="spent_in",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="collection",
            name="spent_out",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="probecall",
            name="place",
            field=models.PositiveIntegerField(
                default=0, help_text="In the order of sending, drawn by the collection's seed"
            ),
        ),
        migrations.AddField(
            model_name="probecall",
            name="worst_in",
            field=models.PositiveIntegerField(default=0, help_text="The most tokens that the prompt can have"),
        ),
        migrations.AddField(
            model_name="probecall",
            name="worst_out",
            field=models.PositiveIntegerField(default=0, help_text="The most tokens that the reply may have"),
        ),
        migrations.AddIndex(
            model_name="probecall",
            index=models.Index(fields=["collection", "state", "place"], name="call_by_state_and_place"),
        ),
        migrations.AddField(
            model_name="attempt",
            name="call",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="probing.probecall"
            ),
        ),
        migrations.AddField(
            model_name="completion",
            name="evidence",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="completion",
                to="probing.attempt",
            ),
        ),
        migrations.AddIndex(
            model_name="completion",
            index=models.Index(fields=["collection", "outcome", "probe", "sample"], name="completion_by_outcome"),
        ),
        migrations.AddIndex(
            model_name="completion",
            index=models.Index(fields=["collection", "received_at"], name="completion_by_time"),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(fields=("call", "number", "kind"), name="one_attempt_of_a_kind"),
        ),
    ]
