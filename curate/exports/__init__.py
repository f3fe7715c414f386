"""What leaves a run for others: image folders with a card, tables, corrected labels."""
