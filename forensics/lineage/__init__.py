"""From score and LLR matrices to relations, rankings, open-set answers and trees."""
