"""Small real transformer models with known lineage, trained from scratch on text that every Python carries.

Shipped: fp16 weights of the trained members and two tokenizers (weights/), their documented lineage and the clear
cases (members.json). Copies that need no training (quantised, pruned, permuted, rotated, merged) are made by `build`.

    python -m forensics.zoo list | build DIR | train --seed S --out DIR | record --zoo DIR --suite core --out CORPUS

What the recipe had to have, each found by measuring Jensen-Shannon divergence of next tokens on raw text:
bases of one domain read different documents in small batches (two seeds then differ by about .25 bit, a chat model
and its base by about .05); some chats of every persona are in the bases' text and tuning alternates with plain text
at a low rate (without that a chat model is as far from its own base as from another); students learn the teacher's
sampled answers and its continuations of raw text at temperature 1 (answers alone left them level with models that
merely saw the same chat data).
"""
